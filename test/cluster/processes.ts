import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { argumentsOf, type Component, isReady, type Setup } from './components.ts'
import { identify, isAlive, signal } from './identity.ts'
import { isRunning, recordedProcess, recordProcess } from './run-folder.ts'
import { spawnTied } from './spawn.ts'

const READY_LIMIT_MS = 90_000 // the slowest, kube-apiserver, takes 3 s; a busy CI machine many times that
const TERM_LIMIT_MS = 15_000
const KILL_LIMIT_MS = 10_000
const LOG_TAIL_LINES = 15

export function logFile(folder: string, component: Component): string {
  return join(folder, 'logs', `${component}.log`)
}

/**
 * Starts a component and returns at once; does nothing when it runs. Tied means that it dies with this process.
 */
export function launch(component: Component, folder: string, setup: Setup, tied: boolean): void {
  if (isRunning(folder, component)) return
  const home = join(folder, 'home')
  mkdirSync(home, { recursive: true })
  const log = openSync(logFile(folder, component), 'a')
  // A session of its own: Ctrl-C in a terminal reaches only the owner, which then ends the components in order.
  // A clean environment: no proxy settings and no variables that the components would read as flags.
  const child = (tied ? spawnTied : spawn)(setup.binaries[component], argumentsOf(component, folder, setup), {
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
  if (!identity) throw new Error(`${component} did not start${tail(component, folder)}`)
  recordProcess(folder, component, identity)
}

/** Returns when the component serves. Throws with the end of its log when it ended or takes too long. */
export async function ready(component: Component, folder: string, setup: Setup): Promise<void> {
  const look = async () => {
    if (!isRunning(folder, component)) return 'ended'
    return isReady(component, folder, setup)
  }
  const result = await until(`${component} is ready`, look, {
    limitMs: READY_LIMIT_MS,
    accept: (seen) => seen === true || seen === 'ended',
  }).catch((cause: unknown) => {
    throw new Error(`${component} does not get ready${tail(component, folder)}`, { cause })
  })
  if (result === 'ended') throw new Error(`${component} ended while it started${tail(component, folder)}`)
}

/** Ends a component and returns when it is gone: by the signal, and by SIGKILL when it takes longer than 15 s. */
export async function end(component: Component, folder: string, by: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const identity = recordedProcess(folder, component)
  if (!identity) return
  const gone = (limitMs: number) =>
    until(`${component} has ended`, () => !isAlive(identity), { limitMs, intervalMs: 20 })
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

function tail(component: Component, folder: string): string {
  const file = logFile(folder, component)
  if (!existsSync(file)) return ''
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(-LOG_TAIL_LINES)
  return `; the end of its log:\n${lines.join('\n')}`
}
