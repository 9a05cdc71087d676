import type { Wait } from './reasons.ts'

/** The Deployment controller takes milliseconds to catch up; where it is away, nothing is gained by asking each second. */
const CATCHING_UP_MS = [1_000, 2_000, 5_000]

/** How long each lock has been waiting for somebody who is usually quick. */
export class Patience {
  /** Looks in a row, by the key of the lock. */
  readonly #looks = new Map<string, number>()

  /** After each look. @returns for how long not to look again without an event, in milliseconds */
  after(key: string, waiting: Wait | undefined): number {
    if (waiting !== 'rollout-unsettled') {
      this.#looks.delete(key)
      return 0
    }
    const looks = this.#looks.get(key) ?? 0
    this.#looks.set(key, looks + 1)
    return CATCHING_UP_MS[Math.min(looks, CATCHING_UP_MS.length - 1)] ?? 0
  }
}
