import { LOOK_AGAIN_MS } from '../lock/decide.ts'
import type { Look } from './reconcile.ts'

/** The Deployment controller takes milliseconds to catch up; where it is away, nothing is gained by asking each second. */
const CATCHING_UP_MS = [1_000, 2_000, 5_000]
/** A run that goes on without its Deployment may hold a named lock, for which others wait. */
const HELD_MAX_MS = 300_000
const ORPHAN_MAX_MS = 1_800_000

/** How long not to look again at locks for which nothing has come of it, without an event. */
export class Patience {
  /** Looks in a row that waited for the Deployment controller, by the key of the lock. */
  readonly #looks = new Map<string, number>()
  /** Since when there has been no Deployment, in milliseconds since 1970, by the key of the lock. */
  readonly #orphans = new Map<string, number>()

  /**
   * After each look.
   * @param now milliseconds since 1970
   * @returns for how long not to look again, in milliseconds
   */
  after(key: string, look: Pick<Look, 'at' | 'waiting' | 'isOrphan' | 'heldSince'>, now: number): number {
    return Math.max(this.#whileCatchingUp(key, look), this.#whileOrphan(key, look, now))
  }

  #whileCatchingUp(key: string, { waiting }: Pick<Look, 'waiting'>): number {
    if (waiting !== 'rollout-unsettled') {
      this.#looks.delete(key)
      return 0
    }
    const looks = this.#looks.get(key) ?? 0
    this.#looks.set(key, looks + 1)
    return CATCHING_UP_MS[Math.min(looks, CATCHING_UP_MS.length - 1)] ?? 0
  }

  /**
   * Pods that a Deployment left behind may be adopted by a new one, which no event tells; but anyone can leave thousands of
   * them behind. So the next look comes after as long as it has been so already, and costs less and less.
   */
  #whileOrphan(
    key: string,
    { at, isOrphan, heldSince }: Pick<Look, 'at' | 'isOrphan' | 'heldSince'>,
    now: number,
  ): number {
    if (!isOrphan || at === undefined) {
      this.#orphans.delete(key)
      return 0
    }
    const since = this.#orphans.get(key) ?? now
    this.#orphans.set(key, since)
    const most = heldSince === undefined ? ORPHAN_MAX_MS : HELD_MAX_MS
    return Math.min(Math.max(now - since, LOOK_AGAIN_MS), most)
  }
}
