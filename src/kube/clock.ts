import { KubeError } from './api.ts'

const FASTEST_SHARE = 0.5 // of the delay; the rest is chance, so that many who failed together don't come back together

/** Time and chance for everything here that decides, so that a test can drive it. */
export interface Clock {
  /** Milliseconds that only grow, counted while the process is stopped too; not the time of day. */
  nowMs(): number
  /** Calls back once, after the delay. @returns how to take that back */
  after(delayMs: number, callback: () => void): () => void
  /** At least 0, below 1. */
  random(): number
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
  random: Math.random,
}

/** Resolves after the delay, or as soon as the signal is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
  })
}

export interface BackoffLimits {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * How long to wait after this many failures in a row (1 for the first): doubling from the first delay to the largest,
 * of which between half and all.
 */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffLimits, clock: Pick<Clock, 'random'>): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** (failures - 1))
  return fullMs * (FASTEST_SHARE + (1 - FASTEST_SHARE) * clock.random())
}

/** The answer, or KubeError `unavailable` when it takes longer. What comes too late is ignored. */
export async function within<T>(
  limitMs: number,
  answer: Promise<T>,
  { clock, what }: { readonly clock: Clock; readonly what: string },
): Promise<T> {
  let cancel = () => {}
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new KubeError('unavailable', `${what}: no answer within ${limitMs / 1000} s`))
    cancel = clock.after(limitMs, late)
  })
  try {
    return await Promise.race([answer, limit])
  } finally {
    cancel()
  }
}

/** RFC 3339 with exactly six digits after the second, as Kubernetes' MicroTime has it. */
export function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z')
}
