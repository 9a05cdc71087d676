import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** A process for sure: a pid alone may belong to another one by now, but never with the same start time. */
export interface Identity {
  pid: number
  /** Linux: clock ticks since boot, field 22 of /proc/PID/stat. Elsewhere: ms since 1970. Only compared for equality. */
  started: number
}

/** The identity of the living process with this pid; undefined when there is none, or only its unreaped remains. */
export function identify(pid: number): Identity | undefined {
  const started = process.platform === 'linux' ? startedByProc(pid) : startedByPs(pid)
  return started === undefined ? undefined : { pid, started }
}

export function isAlive(identity: Identity): boolean {
  return identify(identity.pid)?.started === identity.started
}

/** Sends the signal to exactly this process; does nothing when it has ended. */
export function signal(identity: Identity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return
  try {
    process.kill(identity.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The first child of a process that this machine lists; undefined when it has none. Linux only. */
export function childOf(parent: Identity): Identity | undefined {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isInteger(pid) && fieldsOf(pid)?.[1] === String(parent.pid)) return identify(pid)
  }
  return undefined
}

/** The form in which identities stand in files and in folder names: `pid-started`. */
export function format(identity: Identity): string {
  return `${identity.pid}-${identity.started}`
}

export function parse(text: string): Identity | undefined {
  const [, pid, started] = /^(\d+)-(\d+)$/.exec(text.trim()) ?? []
  return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started: Number(started) }
}

export function ownIdentity(): Identity {
  const own = identify(process.pid)
  if (!own) throw new Error(`cannot read the start time of this process (${process.pid}) from /proc or ps`)
  return own
}

function startedByProc(pid: number): number | undefined {
  const fields = fieldsOf(pid)
  if (!fields || (isZombie(fields[0]) && !hasOtherThreads(pid))) return undefined
  return Number(fields[19])
}

/** The fields of /proc/PID/stat from the third on, which is the state; the fourth is the parent. */
function fieldsOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function isZombie(state: string | undefined): boolean {
  return state === 'Z' || state === 'X'
}

/** A killed process looks like a zombie as soon as its first thread has ended; the others still hold its sockets. */
function hasOtherThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false
  }
}

function startedByPs(pid: number): number | undefined {
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
  })
  const started = Date.parse(`${ps.stdout?.trim()} UTC`)
  return Number.isNaN(started) ? undefined : started
}
