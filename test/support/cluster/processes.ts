import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { childOf, type Identity, identify, isAlive, signal } from './identity.ts'
import { onMachine } from './node/machine.ts'
import type { Program } from './program.ts'
import { isRunning, recordedProcess, recordProcess } from './run-folder.ts'
import { spawnTied } from './spawn.ts'

const READY_LIMIT_MS = 90_000 // the slowest, kube-apiserver, takes 3 s; a busy CI machine many times that
const TERM_LIMIT_MS = 15_000
const KILL_LIMIT_MS = 60_000 // a moment, but on a machine that has far too much to do
const FORK_LIMIT_MS = 60_000
const FORK_LOOK_MS = 5
const LOG_TAIL_LINES = 15

export function logFile(folder: string, name: string): string {
  return join(folder, 'logs', `${name}.log`)
}

/**
 * Starts a program and returns as soon as it has a process; does nothing when it runs. Tied means that it dies with this
 * process.
 */
export async function launch(program: Program, folder: string, tied: boolean): Promise<void> {
  const { name, command, machine } = program
  if (isRunning(folder, name)) return
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const log = openSync(logFile(folder, name), 'a')
  const [file = '', ...args] = machine === undefined ? command : onMachine(machine, command)
  // A session of its own: Ctrl-C in a terminal reaches only the owner, which then ends the components in order.
  // A clean environment: no proxy settings and no variables that the components would read as flags.
  const child = (tied ? spawnTied : spawn)(file, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], HOME: home },
  })
  closeSync(log)
  // A program that can't be run has no pid; waiting for it then says so.
  child.once('error', () => {})
  child.unref()
  const identity = child.pid === undefined ? undefined : identify(child.pid)
  if (!identity) throw new Error(`${name} did not start${tail(name, folder)}`)
  recordProcess(folder, name, identity)
  if (machine === undefined && !program.isMachine) return
  await recordInner(name, folder, identity)
  // What entered a machine is of no more use, and would stop whenever the program is paused. The program now belongs to
  // the machine's first process; unshare, however, is what ties the machine to this process.
  if (machine !== undefined) signal(identity, 'SIGKILL')
}

/**
 * The one child of a program that only starts another one in other namespaces. From now on the child is what is recorded
 * under the name and gets the signals.
 */
async function recordInner(name: string, folder: string, outer: Identity): Promise<void> {
  const look = () => childOf(outer) ?? (isAlive(outer) ? undefined : 'ended')
  const inner = await until(`${name} has a process`, look, { limitMs: FORK_LIMIT_MS, intervalMs: FORK_LOOK_MS })
  if (inner === 'ended') throw new Error(`${name} ended while it started${tail(name, folder)}`)
  recordProcess(folder, name, inner)
}

/** Returns when the program serves. Throws with the end of its log when it ended or takes too long. */
export async function ready(program: Program, folder: string): Promise<void> {
  const { name } = program
  const look = async () => (isRunning(folder, name) ? program.isReady() : 'ended')
  const result = await until(`${name} is ready`, look, {
    limitMs: READY_LIMIT_MS,
    accept: (seen) => seen === true || seen === 'ended',
  }).catch((cause: unknown) => {
    throw new Error(`${name} does not get ready${tail(name, folder)}`, { cause })
  })
  if (result === 'ended') throw new Error(`${name} ended while it started${tail(name, folder)}`)
}

/** Ends a program and returns when it is gone: by the signal, and by SIGKILL when it takes longer than 15 s. */
export async function end(name: string, folder: string, by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const identity = recordedProcess(folder, name)
  if (!identity) return
  const gone = (limitMs: number) => until(`${name} has ended`, () => !isAlive(identity), { limitMs, intervalMs: 20 })
  signal(identity, by)
  if (by === 'SIGTERM') {
    try {
      await gone(TERM_LIMIT_MS)
      return
    } catch {
      signal(identity, 'SIGKILL')
    }
  }
  await gone(KILL_LIMIT_MS)
}

/** Stops a program where it stands, or has it go on. Throws when it doesn't run. */
export function setPaused(name: string, folder: string, paused: boolean): void {
  const identity = recordedProcess(folder, name)
  if (!identity || !isAlive(identity)) throw new Error(`${name} does not run`)
  signal(identity, paused ? 'SIGSTOP' : 'SIGCONT')
}

function tail(name: string, folder: string): string {
  const file = logFile(folder, name)
  if (!existsSync(file)) return ''
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(-LOG_TAIL_LINES)
  return `; the end of its log:\n${lines.join('\n')}`
}
