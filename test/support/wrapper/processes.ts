import { readdirSync, readFileSync } from 'node:fs'

/** Of a file in /proc; undefined when the process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

export function childrenOf(pid: number): readonly number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`) ?? ''
  return text.split(' ').filter(Boolean).map(Number)
}

/** Those that run (zombies don't) and have `NAME=value` in the environment they were started with. */
export function withEnvironment(variable: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => read(`/proc/${pid}/environ`)?.split('\0').includes(variable))
    .map(Number)
}

export function commandLine(pid: number): string {
  return (read(`/proc/${pid}/cmdline`) ?? 'gone').split('\0').join(' ').slice(0, 200)
}

/** A line of /proc/<pid>/status, like SigIgn. */
export function statusOf(pid: number, field: string): string | undefined {
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1]
}

/** Open files by number, but for those that this process was itself started with and hands on. */
export function descriptorsOf(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`)
    .filter((fd) => Number(fd) <= 2 || !handedOn(fd))
    .toSorted()
}

function handedOn(fd: string): boolean {
  const flags = /^flags:\s*(\d+)/m.exec(read(`/proc/self/fdinfo/${fd}`) ?? '')?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
}

const CLOSE_ON_EXEC = 0o2000000 // O_CLOEXEC in fdinfo, proc(5)

const TICKS_PER_SECOND = 100 // USER_HZ, the same on every Linux that Node runs on

/** CPU time of the process and of its children that ended, in seconds. */
export function cpuSecondsOf(pid: number): number {
  const fields = (read(`/proc/${pid}/stat`) ?? '').replace(/^.*\) /s, '').split(' ')
  // proc(5): utime, stime, cutime, cstime are fields 14 to 17; the first two fields are cut off above.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND
}

/** By its id; gone already is fine. */
export function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it ended by itself
  }
}
