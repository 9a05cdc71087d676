import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { root } from '../../../support/tooling/root.ts'
import { until } from '../../../support/until.ts'
import { call, spread } from '../../../support/webhook/process/call.ts'
import {
  certificateFolder,
  files,
  start,
  startWebhook,
  temporaryFolder,
} from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

/** Marked with w in docs/dependencies.md. */
const DIRECT = ['close-with-grace', 'commander', 'fast-json-patch', 'fastify', 'pino', 'prom-client']
/** What those load in their turn, by who needs it first. */
const INDIRECT = [
  // fast-json-patch
  'fast-deep-equal',
  // fastify
  ...[
    '@fastify/error',
    '@fastify/forwarded',
    '@fastify/proxy-addr',
    'abstract-logging',
    'avvio',
    'fast-decode-uri-component',
  ],
  ...[
    'fast-json-stringify',
    'fast-querystring',
    'fastq',
    'find-my-way',
    'ipaddr.js',
    'process-warning',
    'ret',
    'reusify',
  ],
  ...['rfdc', 'safe-regex2', 'secure-json-parse', 'semver', 'toad-cache'],
  // pino
  ...['@pinojs/redact', 'atomic-sleep', 'on-exit-leak-free', 'pino-std-serializers', 'quick-format-unescaped'],
  ...['safe-stable-stringify', 'sonic-boom', 'thread-stream'],
  // prom-client
  ...['@opentelemetry/api', 'bintrees', 'tdigest'],
]
/** Named here too, so that nobody adds them above. */
const NEVER = ['@kubernetes/client-node', 'yaml', 'ajv']

const READY_LIMIT_MS = 3 * 500 // three times the figure of P2, as `npm test` asserts it
const STARTS = 5
// Other tests use the machine too: what an empty program takes beside each start says by how much that slows it down.
const EMPTY_START_MS = 40

test('P2: the webhook has loaded the packages of the allow-list and no other', async (t) => {
  const record = join(await temporaryFolder(t), 'modules.json')
  const preload = pathToFileURL(join(import.meta.dirname, '../../../support/webhook/process/record-modules.ts'))
  const webhook = await startWebhook(t, {
    args: ['--metrics-port', '0', '--shutdown-delay-seconds', '0', '--log-level', 'debug'],
    env: { NODE_OPTIONS: `--import=${preload}`, RECORD_MODULES_IN: record },
  })
  // All that a lazy part may wait for: each route, a refusal, a bad call, a shutdown.
  const bodies = [
    review(deployment()),
    review(deployment({ annotations: { 'migrate.io/command': '' } })),
    { kind: 'x' },
  ]
  const answers = await Promise.all(bodies.map((body) => call(webhook, { body: JSON.stringify(body) })))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 400],
  )
  await call(webhook, { path: '/strip', body: JSON.stringify(bodies[0]) })
  for (const path of ['readyz', 'healthz', 'metrics', 'none'])
    await (await fetch(`http://127.0.0.1:${webhook.metricsPort}/${path}`)).text()
  webhook.signal('SIGTERM')
  await webhook.ended

  const modules = JSON.parse(await readFile(record, 'utf8')) as string[]
  assert.ok(
    modules.some((each) => each.endsWith('/src/webhook/run.ts')),
    'the recording works',
  )
  const packages = new Set(modules.flatMap((each) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(each)?.[1] ?? []))
  t.diagnostic(`${modules.length} modules of ${packages.size} packages`)
  assert.deepEqual(
    NEVER.filter((name) => packages.has(name)),
    [],
  )
  assert.deepEqual([...packages].toSorted(), [...DIRECT, ...INDIRECT].toSorted())
  assert.deepEqual(await documented(), DIRECT, 'docs/dependencies.md marks the same ones')
})

test('P2: ready within three times 500 ms of its start', async (t) => {
  const { folder, ca } = await certificateFolder(t)
  const times: number[] = []
  const emptyTimes: number[] = []
  for (let nth = 0; nth < STARTS; nth++) {
    const port = await freePort()
    const startedAt = performance.now()
    const { signal, ended } = start(t, [...files(folder), '--port', `${port}`])
    await until('it is ready', async () => (await call({ port, ca })).status === 200, {
      limitMs: 30_000,
      intervalMs: 10,
    })
    times.push(Math.round(performance.now() - startedAt))
    signal('SIGKILL')
    await ended
    const emptyAt = performance.now()
    await once(spawn(process.execPath, ['--eval', ''], { stdio: 'ignore' }), 'exit')
    emptyTimes.push(Math.round(performance.now() - emptyAt))
  }
  t.diagnostic(`ms from start to ready: ${times.join(', ')}; of an empty program: ${emptyTimes.join(', ')}`)
  const slowedDown = Math.max(1, spread(emptyTimes).p50 / EMPTY_START_MS)
  assert.ok(
    spread(times).p50 <= READY_LIMIT_MS * slowedDown,
    `median ${spread(times).p50} ms, ${slowedDown} times slowed down`,
  )
})

async function documented(): Promise<string[]> {
  const text = await readFile(join(root, 'docs/dependencies.md'), 'utf8')
  return [...text.matchAll(/^\| ([a-z]\S+) +\| w +\| (?!what for)/gm)].map(([, name = '']) => name).toSorted()
}

/** The log says the port only with its next batch of lines, which is too late to measure by. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}
