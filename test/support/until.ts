import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Between two looks it waits a tenth of what it has waited so far, within these: long waits shall not keep the machine busy. */
const INTERVAL_MS = { min: 50, max: 300 }

export interface UntilOptions<T> {
  /** After this long it gives up, also when a single look never answers. */
  limitMs: number
  /** Between two looks. */
  intervalMs?: number
  /** What counts as there. Default: anything truthy. */
  accept?: (seen: T) => boolean
}

/**
 * Looks again and again until what it sees is accepted, and returns that. A look that throws counts as not there yet.
 * Throws an error that says what was waited for and what was last seen, with the last look's error as its cause.
 */
export async function until<T>(
  describe: string,
  condition: () => T | Promise<T>,
  { limitMs, intervalMs, accept = Boolean }: UntilOptions<T>,
): Promise<NonNullable<T>> {
  const began = performance.now()
  const end = began + limitMs
  let last = 'nothing: no look has answered'
  let cause: unknown
  do {
    const look = await oneLook(condition, end - performance.now())
    if (look.kind === 'seen') {
      if (look.value !== undefined && look.value !== null && accept(look.value)) return look.value
      last = inspect(look.value, { depth: 4, breakLength: 120 })
      cause = undefined
    } else if (look.kind === 'threw') {
      last = String(look.error)
      cause = look.error
    }
    const tenth = (performance.now() - began) / 10
    const interval = intervalMs ?? Math.min(Math.max(tenth, INTERVAL_MS.min), INTERVAL_MS.max)
    await pause(Math.max(0, Math.min(interval, end - performance.now())))
  } while (performance.now() < end)
  throw new Error(`gave up after ${limitMs / 1000} s waiting until ${describe}; last seen: ${last}`, { cause })
}

type Look<T> = { kind: 'seen'; value: T } | { kind: 'threw'; error: unknown } | { kind: 'no answer' }

async function oneLook<T>(condition: () => T | Promise<T>, limitMs: number): Promise<Look<T>> {
  const patience = new AbortController()
  const look = (async (): Promise<Look<T>> => {
    try {
      return { kind: 'seen', value: await condition() }
    } catch (error) {
      return { kind: 'threw', error }
    }
  })()
  const limit = pause(limitMs, undefined, { signal: patience.signal }).then(
    (): Look<T> => ({ kind: 'no answer' }),
    (): Look<T> => ({ kind: 'no answer' }),
  )
  try {
    return await Promise.race([look, limit])
  } finally {
    patience.abort()
  }
}
