/** The time at which something is decided, in milliseconds since 1970. It decides when to try, never who may run. */
export interface Clock {
  readonly now: number
}

/** How often a lock that somebody waits for is looked at without any event: a watch may miss one. */
export const LOOK_AGAIN_MS = 30_000
/** The Deployment controller takes milliseconds to catch up. */
export const CATCHING_UP_MS = 1_000
