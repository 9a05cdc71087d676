/** Preloaded into the process under test: the pause of `--shutdown-delay-seconds 600` ends when it is told to. */
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'
import { ENDS_DELAY } from './held-delay-signal.ts'

const HELD_MS = 600_000

const { setTimeout: pause } = timers
timers.setTimeout = async <T>(...[ms, value, options]: Parameters<typeof pause<T>>): Promise<T> => {
  if (ms !== HELD_MS) return await pause(ms, value, options)
  await new Promise((told) => process.once(ENDS_DELAY, told))
  return value as T
}
syncBuiltinESMExports()
