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
