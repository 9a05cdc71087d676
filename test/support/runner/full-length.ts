import { setTimeout as pause } from 'node:timers/promises'

/** How long tests keep up what lasts for minutes in a cluster. */
interface Length {
  /** How long API server, etcd or network stay away. */
  readonly outageMs: number
  /** How long nothing at all happens in what is watched. */
  readonly idleMs: number
  /** How often a migration fails before it is mended; the wait after it is 10 s, doubling to 5 min. */
  readonly failures: number
  /** How long a migration that was tried often enough is seen not to be tried again. */
  readonly quietMs: number
}

const SHORT: Length = { outageMs: 0, idleMs: 2_000, failures: 3, quietMs: 0 }
/** The sixth failure meets the longest backoff. All side by side take 12 minutes. */
const FULL: Length = { outageMs: 180_000, idleMs: 600_000, failures: 6, quietMs: 540_000 }

/** Set by `npm test -- --soak`. */
export const FULL_LENGTH = 'MIGRATE_IO_FULL_LENGTH'
export const isFullLength = process.env[FULL_LENGTH] !== undefined
export const length = isFullLength ? FULL : SHORT

/** Returns when something has lasted so long: for tests in which time itself is what is waited for. */
export async function lasted(sinceMs: number, durationMs: number): Promise<void> {
  await pause(Math.max(0, sinceMs + durationMs - Date.now()))
}
