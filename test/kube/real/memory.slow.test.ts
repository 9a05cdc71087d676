import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { startCluster } from '../../cluster/cluster.ts'
import { until } from '../../until.ts'

const PODS = 5_000
const AT_A_TIME = 20
const CHANGES = 2_000
const LIMIT_MS = 120_000
const MIB = 1024 * 1024
// The controller's 150 MiB (P2), less 40 for logs, metrics and decisions, and 10 for what runs TypeScript as it is here.
const LIMIT_MIB = 120

interface Seen {
  pods: number
  rssBytes: number
  peakBytes: number
  seconds: number
}

test('P2: 5,000 watched pods fit, listed at the start and changed afterwards', async (t) => {
  await using cluster = await startCluster()
  const path = '/api/v1/namespaces/default/pods'
  await each(PODS, async (nth) => {
    const { status, body } = await cluster.request('POST', path, pod(nth))
    assert.equal(status, 201, JSON.stringify(body))
  })

  const program = join(import.meta.dirname, 'watch-process.ts')
  const child = spawn(process.execPath, [program, cluster.kubeconfig], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
  const look = async (): Promise<Seen> => {
    child.stdin.write('\n')
    return JSON.parse((await answers.next()).value ?? '')
  }
  const all = await until('it knows all pods', look, { limitMs: LIMIT_MS, accept: ({ pods }) => pods === PODS })
  t.diagnostic(`listed: ${inWords(all)}`)
  assert.ok(all.rssBytes < LIMIT_MIB * MIB, inWords(all))

  await each(CHANGES, async (nth) => {
    const running = nth % 2 === 0 ? { status: { phase: 'Running' } } : { metadata: { annotations: { seen: 'yes' } } }
    const headers = { 'content-type': 'application/merge-patch+json' }
    const { status } = await cluster.request('PATCH', `${path}/pod-${nth}/status`, running, headers)
    assert.equal(status, 200)
  })
  const fewer = await until('those that run are gone', look, {
    limitMs: LIMIT_MS,
    accept: ({ pods }) => pods === PODS - CHANGES / 2,
  })
  t.diagnostic(`after ${CHANGES} changes: ${inWords(fewer)}`)
  assert.ok(fewer.rssBytes < LIMIT_MIB * MIB, inWords(fewer))
  child.stdin.end()
})

async function each(count: number, work: (nth: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
}

/** About as large as an injected pod of the article's app: the wrapper in full text is most of it. */
function pod(nth: number): object {
  return {
    metadata: { name: `pod-${nth}`, labels: { 'migrate.io/protocol': '1', app: 'shop' } },
    spec: {
      automountServiceAccountToken: false,
      initContainers: [
        { name: 'migrate-io', image: 'app:1', command: ['/bin/sh', '-c', 'x'.repeat(8_000), '', 'migrate'] },
      ],
      containers: [{ name: 'app', image: 'app:1', env: [{ name: 'DATABASE_URL', value: 'postgres://db/shop' }] }],
    },
  }
}

function inWords({ pods, rssBytes, peakBytes, seconds }: Seen): string {
  return `${pods} pods, ${Math.round(rssBytes / MIB)} MiB resident, ${Math.round(peakBytes / MIB)} MiB at most, after ${seconds.toFixed(1)} s`
}
