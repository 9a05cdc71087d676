import type { Clock } from './clock.ts'

export interface BackoffLimits {
  readonly firstMs: number
  readonly maxMs: number
}

const FASTEST_SHARE = 0.5 // of the delay; the rest is chance, so that many who failed together don't come back together

/**
 * How long to wait after this many failures in a row (1 for the first): doubling from the first delay to the largest,
 * of which between half and all.
 */
export function backoffMs(failures: number, { firstMs, maxMs }: BackoffLimits, clock: Pick<Clock, 'random'>): number {
  const fullMs = Math.min(maxMs, firstMs * 2 ** (failures - 1))
  return fullMs * (FASTEST_SHARE + (1 - FASTEST_SHARE) * clock.random())
}
