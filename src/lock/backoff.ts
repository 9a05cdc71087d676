import type { Failed } from './record.ts'

const FIRST_DELAY_MS = 10_000
const MAX_DELAY_MS = 300_000

type NextTry =
  | { readonly kind: 'now' }
  | { readonly kind: 'later'; readonly at: number }
  /** As often as `migrate.io/retries` allows. */
  | { readonly kind: 'never' }

/**
 * When a revision may be tried again. Times are milliseconds since 1970.
 * @param retries undefined: without end
 */
export function nextTry(failed: Failed | undefined, retries: number | undefined, now: number): NextTry {
  if (failed === undefined) return { kind: 'now' }
  if (retries !== undefined && failed.count > retries) return { kind: 'never' }
  const at = Date.parse(failed.next ?? '')
  // A time further off than any backoff was written by a wrong clock or by hand: it must not hold the revision back.
  return at > now && at - now <= MAX_DELAY_MS ? { kind: 'later', at } : { kind: 'now' }
}

/** How long a revision waits after its failure number `count`, from 1: 10 s, doubling to 5 min. */
export function delayMs(count: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (count - 1), MAX_DELAY_MS)
}
