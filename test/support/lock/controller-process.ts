import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { spawnTied } from '../cluster/spawn.ts'
import { engineFlags, installedMemory } from '../deploy/heap.ts'
import { root as ownRoot } from '../tooling/root.ts'
import { until } from '../until.ts'

const HOST = '127.0.0.1'
const LIMIT_MS = 30_000 // 1 s on a machine with nothing else to do

export interface ControllerProcessOptions {
  readonly kubeconfig: string
  /** Where its Lease is. Controllers with Leases in different namespaces all lead. */
  readonly namespace?: string
  /** The project's root whose source runs. Default: this one. */
  readonly root?: string
  /** More options of `migrate-io controller`. */
  readonly more?: readonly string[]
  /** Return as soon as it runs, ready or not. Default: false. */
  readonly unready?: boolean
}

/** A line of its log. */
export interface LogLine {
  readonly msg: string
  readonly level: string
  readonly kind?: string
  readonly reason?: string
  readonly deployment?: string
  readonly pod?: string
  readonly run?: number
  readonly [field: string]: unknown
}

/** The controller as a process of its own, as an administrator runs it. */
export interface ControllerProcess {
  readonly pid: number
  /** Host and port of its health and metrics. */
  readonly address: string
  logs(): readonly LogLine[]
  /** All that it wrote, on stdout and stderr, whether or not it is a line of the log. */
  output(): string
  /** In the Prometheus text format. */
  metrics(): Promise<string>
  /** Status code of /readyz or /healthz. */
  probe(path: '/readyz' | '/healthz'): Promise<number>
  isLeading(): boolean
  untilLeading(): Promise<void>
  /** Whatever signal; SIGSTOP and SIGCONT hold it and let it go on. */
  signal(name: NodeJS.Signals): void
  /** Returns when it is gone. Throws with what it wrote where it was asked to end and ended with an error, or not in time. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Starts `migrate-io controller` and returns when it is ready, unless told not to wait for that. Throws with what it wrote
 * if it doesn't get so far.
 */
export async function startControllerProcess(options: ControllerProcessOptions): Promise<ControllerProcess> {
  const { kubeconfig, namespace = 'default', root = ownRoot, more = [], unready = false } = options
  const flags = ['--kubeconfig', kubeconfig, '--namespace', namespace, '--host', HOST, '--port', '0', ...more]
  const child = spawnTied(process.execPath, [...engineFlags(), join(root, 'src/main.ts'), 'controller', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: installedMemory('controller').nodeOptions },
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream as Readable).on('line', (line) => lines.push(line))
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const logs = () => lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []))
  const port = await until(
    'the controller runs',
    () => (hasEnded() ? 'ended' : logs().find(({ msg }) => msg === 'controller is running')?.['port']),
    { limitMs: LIMIT_MS, intervalMs: 20 },
  )
  if (port === 'ended') throw new Error(`the controller ended while it started; it wrote:\n${lines.join('\n')}`)
  const get = (path: string) => fetch(`http://${HOST}:${port}${path}`, { signal: AbortSignal.timeout(LIMIT_MS) })
  const probe = async (path: string) => (await get(path)).status
  if (!unready)
    await until('the controller is ready', () => probe('/readyz'), {
      limitMs: LIMIT_MS,
      accept: (status) => status === 200,
    })
  const isLeading = () => {
    const changes = logs().filter(({ msg }) => msg === 'started leading' || msg === 'stopped leading')
    return changes.at(-1)?.msg === 'started leading'
  }
  return {
    pid: child.pid ?? 0,
    address: `${HOST}:${port}`,
    logs,
    output: () => lines.join('\n'),
    metrics: async () => (await get('/metrics')).text(),
    probe,
    isLeading,
    untilLeading: async () => {
      await until('it leads', isLeading, { limitMs: LIMIT_MS })
    },
    signal: (name) => child.kill(name),
    stop: async (signal = 'SIGTERM') => {
      // One that a test has killed before is no failure.
      const wasKilled = child.signalCode !== null
      await end(child, signal)
      if (signal === 'SIGTERM' && child.exitCode !== 0 && !wasKilled)
        throw new Error(
          `the controller ended with ${child.exitCode ?? child.signalCode}; it wrote:\n${lines.join('\n')}`,
        )
    },
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  // One that is held by SIGSTOP sees no other signal.
  child.kill('SIGCONT')
  child.kill(signal)
  const killer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  await ended
  clearTimeout(killer)
}
