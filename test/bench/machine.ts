import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

const MIB = 1024 ** 2

/** What the figures were measured on, and what. */
export interface Machine {
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly memoryMiB: number
  readonly kernel: string
  readonly node: string
  readonly go: string
  /** Processes that wanted to run in the minute before the measurement. */
  readonly loadBefore: number
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryMiB: Math.round(totalmem() / MIB),
    kernel: release(),
    node: process.version,
    go: output('go', ['env', 'GOVERSION']) ?? 'none',
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** What it was measured on, for the head of a report. */
export function machineLines(machine: Machine): string[] {
  const { cpu, cores, memoryMiB, kernel, node, go, commit, date, loadBefore } = machine
  return [
    `${cpu}, ${cores} cores, ${memoryMiB} MiB, Linux ${kernel}, Node ${node}, ${go}`,
    `commit ${commit}, ${date}, load before ${loadBefore.toFixed(2)}`,
  ]
}

/** The two cores that this process may use: one for the server under test, one for the load. */
export function twoCores(): { readonly server: number; readonly load: number } {
  const allowed = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
  const cores = allowed.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
  const [server, load] = cores
  if (server === undefined || load === undefined) {
    throw new Error(
      `two cores are needed, one for the server and one for the load; this process may use ${cores.length}`,
    )
  }
  return { server, load }
}

function commit(): string {
  const head = output('git', ['rev-parse', '--short=12', 'HEAD'])
  if (head === undefined) return 'unknown'
  return output('git', ['status', '--porcelain']) === '' ? head : `${head}, with uncommitted changes`
}

function output(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      cwd: import.meta.dirname,
    }).trim()
  } catch {
    return undefined
  }
}
