import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type DevelopmentCertificates, makeDevelopmentCertificates, writeCertificates } from '../../certs/generate.ts'
import { until } from '../until.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const START_LIMIT_MS = 30_000 // ten times what it takes: other tests use the machine too

/** The real program as a child process, with its own certificate, on a port that the system chose. */
export interface Program {
  readonly port: number
  /** The port without TLS, if `--metrics-port` was asked for. */
  readonly metricsPort: number | undefined
  readonly folder: string
  readonly ca: string
  readonly child: ChildProcess
  readonly pid: number
  /** All that it wrote so far, stdout and stderr. */
  readonly output: () => string
  /** How it ended, once it has. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>
}

/** Starts `migrate-io webhook` and waits until it serves; it is killed when the test ends. */
export async function startProgram(t: TestContext, args: readonly string[] = []): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-webhook-'))
  const made = await makeDevelopmentCertificates()
  await writeCertificates(folder, made)
  const files = ['--tls-cert-file', join(folder, 'tls.crt'), '--tls-private-key-file', join(folder, 'tls.key')]
  const child = run(['webhook', '--port', '0', '--host', '127.0.0.1', ...files, ...args])
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }))
  const output = collect(child)
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  const port = await until('the webhook serves', () => portIn(output(), 'webhook is serving'), { limitMs: START_LIMIT_MS })
  const metricsPort = portIn(output(), 'metrics and health')
  return { port, metricsPort, folder, ca: made.ca, child, pid: Number(child.pid), output, ended }
}

/** Runs the program with these arguments to its end. */
export async function runProgram(args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = run(args)
  const output = collect(child)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}

function run(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: withoutTestContext() })
}

// A child of node:test would else report to its parent.
function withoutTestContext(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env
  return env
}

function collect(child: ChildProcess): () => string {
  let text = ''
  child.stdout?.on('data', (chunk) => (text += chunk))
  child.stderr?.on('data', (chunk) => (text += chunk))
  return () => text
}

function portIn(output: string, message: string): number | undefined {
  const line = output.split('\n').find((l) => l.includes(message) && l.endsWith('}'))
  return line === undefined ? undefined : (JSON.parse(line) as { port: number }).port
}

export interface Call {
  readonly agent: Agent | false
  readonly body?: string
  readonly path?: string
  readonly headers?: Record<string, string>
}

export interface Called {
  readonly status: number
  readonly text: string
  readonly headers: Record<string, string | string[] | undefined>
  readonly ms: number
}

/** One call over TLS, as a POST if it has a body. Rejects if the connection fails. */
export function call(program: { port: number; ca: string }, { agent, body, path, headers }: Call): Promise<Called> {
  const start = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<Called>()
  const sent = request(
    {
      host: '127.0.0.1',
      port: program.port,
      ca: program.ca,
      agent,
      method: body === undefined ? 'GET' : 'POST',
      path: path ?? (body === undefined ? '/readyz' : '/mutate'),
      headers: { ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }), ...headers },
    },
    (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => (text += chunk))
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers, ms: performance.now() - start }),
      )
    },
  )
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** A field of /proc/<pid>/status in MiB, such as VmRSS or VmHWM. */
export async function memoryMib(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024
}

export type { DevelopmentCertificates }
