import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { spawnTied } from '../cluster/spawn.ts'
import { root as ownRoot } from '../tooling/root.ts'
import { until } from '../until.ts'
import { sum } from './metrics.ts'

const HOST = '127.0.0.1'
const READY_LIMIT_MS = 30_000 // 0.5 s on a machine with nothing else to do
const TERM_LIMIT_MS = 20_000 // more than the webhook itself takes at most
const CALL_LIMIT_MS = 5_000

/** The webhook as a process of its own, as an administrator runs it. */
export interface WebhookProcess {
  readonly port: number
  /** Where it serves, without a path. */
  readonly url: string
  /** What it has written so far, line by line. */
  logs(): readonly string[]
  /** In the Prometheus text format. */
  metrics(): Promise<string>
  /** How many reviews it has answered, of that outcome or of any. */
  admissions(outcome?: string): Promise<number>
  /** Returns when it is gone. SIGTERM lets it answer what it has accepted. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

export interface WebhookProcessOptions {
  /** The folder with tls.crt and tls.key. It is read again while the process runs. */
  readonly certificates: string
  /** PEM of the authority by which the process is asked for its metrics. */
  readonly ca: string
  /** The project's root whose source runs. Default: this one. */
  readonly root?: string
  /** Default: any free one. */
  readonly port?: number
}

/** Starts `migrate-io webhook` and returns when it serves. Throws with what it wrote if it doesn't. */
export async function startWebhookProcess(options: WebhookProcessOptions): Promise<WebhookProcess> {
  const { certificates, ca, root = ownRoot, port: wanted = 0 } = options
  const listen = ['--host', HOST, '--port', `${wanted}`, '--shutdown-delay-seconds', '0']
  const tls = [
    '--tls-cert-file',
    join(certificates, 'tls.crt'),
    '--tls-private-key-file',
    join(certificates, 'tls.key'),
  ]
  const child = spawnTied(process.execPath, [join(root, 'src/main.ts'), 'webhook', ...listen, ...tls], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream as Readable).on('line', (line) => lines.push(line))
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const port = await until('the webhook serves', () => (hasEnded() ? 'ended' : servingPort(lines)), {
    limitMs: READY_LIMIT_MS,
    intervalMs: 20,
  })
  if (port === 'ended') throw new Error(`the webhook ended while it started; it wrote:\n${lines.join('\n')}`)
  const url = `https://${HOST}:${port}`
  const metrics = () => read(`${url}/metrics`, ca)
  return {
    port,
    url,
    logs: () => lines,
    metrics,
    admissions: async (outcome) =>
      sum(await metrics(), 'migrate_io_admission_requests_total', outcome === undefined ? {} : { outcome }),
    stop: (signal = 'SIGTERM') => end(child, signal),
  }
}

function servingPort(lines: readonly string[]): number | undefined {
  const line = lines.find((each) => each.includes('"webhook is serving"'))
  return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  const killer = setTimeout(() => child.kill('SIGKILL'), TERM_LIMIT_MS)
  await ended
  clearTimeout(killer)
}

/** On a connection of its own, so that it sees the certificate that is served now. */
async function read(url: string, ca: string): Promise<string> {
  const agent = new Agent({ ca, keepAlive: false })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  get(url, { agent, signal: AbortSignal.timeout(CALL_LIMIT_MS) }, (response) => {
    text(response).then((body) => (response.statusCode === 200 ? resolve(body) : reject(new Error(body))), reject)
  }).once('error', reject)
  return promise
}
