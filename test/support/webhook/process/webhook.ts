import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { DevelopmentOptions } from '../../../../certs/development.ts'
import { makeDevelopmentCertificates, writeCertificates } from '../../../../certs/generate.ts'
import { spawnTied } from '../../cluster/spawn.ts'
import { engineFlags, installedMemory } from '../../deploy/heap.ts'
import { root } from '../../tooling/root.ts'
import { until } from '../../until.ts'

export const HOST = '127.0.0.1'
const START_LIMIT_MS = 30_000 // 0.5 s on a machine with nothing else to do

/** The webhook as a process of its own, seen from outside only. */
export interface Webhook {
  readonly port: number
  /** The port of `--metrics-port`; undefined without that. */
  readonly metricsPort: number | undefined
  readonly pid: number
  readonly ca: string | readonly string[]
  readonly folder: string
  /** Its log so far, line by line. */
  readonly lines: () => readonly string[]
  readonly stderr: () => string
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Promise<Ended>
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface WebhookOptions {
  readonly args?: readonly string[]
  /** Default: a new one, see `certificateFolder`. */
  readonly certificates?: { readonly folder: string; readonly ca: string | readonly string[] }
  readonly env?: NodeJS.ProcessEnv
}

/** Starts `migrate-io webhook` and returns when it serves. It is ended with the test. */
export async function startWebhook(t: TestContext, options: WebhookOptions = {}): Promise<Webhook> {
  const { folder, ca } = options.certificates ?? (await certificateFolder(t))
  const started = start(t, [...files(folder), '--port', '0', ...(options.args ?? [])], options.env)
  const serving = await until(
    'the webhook serves',
    () => (started.hasEnded() ? 'ended' : portIn(started.lines(), 'webhook is serving')),
    { limitMs: START_LIMIT_MS, intervalMs: 20 },
  )
  if (serving === 'ended') throw new Error(`the webhook did not start: ${started.stderr()}`)
  return { ...started, folder, ca, port: serving, metricsPort: portIn(started.lines(), 'metrics and health') }
}

/** Runs `migrate-io webhook` that is expected to give up by itself. */
export async function runWebhook(t: TestContext, args: readonly string[]): Promise<Ended & { stderr: string }> {
  const { ended, stderr } = start(t, args)
  return { ...(await ended), stderr: stderr() }
}

export function start(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  // A child of node:test would else report to its parent.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...inherited } = process.env
  const child = spawnTied(
    process.execPath,
    [...engineFlags(), join(root, 'src/main.ts'), 'webhook', '--host', HOST, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, NODE_OPTIONS: installedMemory('webhook').nodeOptions, ...env },
    },
  )
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  const ended = once(child, 'close').then(([code, signal]): Ended => ({ code, signal }))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  t.after(async () => {
    if (!hasEnded()) child.kill('SIGKILL')
    await ended
  })
  return {
    pid: Number(child.pid),
    lines: () => stdout().split('\n').slice(0, -1),
    stderr,
    hasEnded,
    signal: (signal: NodeJS.Signals) => void child.kill(signal),
    ended,
  }
}

/** A folder with a development certificate as `npm run certs` makes it. */
export async function certificateFolder(t: TestContext, options?: DevelopmentOptions) {
  const folder = await temporaryFolder(t)
  const made = await makeDevelopmentCertificates(options)
  await writeCertificates(folder, made)
  return { folder, ...made }
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-process-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function files(folder: string): string[] {
  return ['--tls-cert-file', join(folder, 'tls.crt'), '--tls-private-key-file', join(folder, 'tls.key')]
}

/** Keeps its connections, as the API server does; they end with the test. */
export function keepAliveAgent(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  return agent
}

/** A figure of /proc/PID/status in MiB. */
export async function memoryMib(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024
}

function collect(stream: (ChildProcess['stdout'] & Readable) | null): () => string {
  let text = ''
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

function portIn(lines: readonly string[], message: string): number | undefined {
  const line = lines.find((each) => each.includes(message))
  return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port
}
