/** How long a free lock is kept for the one that has waited longest; then any may have it, lest one that is gone blocks it. */
export const COURTESY_MS = 5_000

/**
 * Who waits for which named lock, in the order in which they came. Only a courtesy, in the memory of one controller: it
 * decides who tries first and whom to look at when a lock is let go, never who may hold it.
 */
export class Waiters {
  /** Lock → those that wait, longest first. */
  readonly #waiting = new Map<string, Set<string>>()

  wait(lock: string, who: string): void {
    const queue = this.#waiting.get(lock) ?? new Set()
    this.#waiting.set(lock, queue.add(who))
  }

  /** It has the lock, or has no use for it any more. */
  leave(who: string): void {
    for (const [lock, queue] of this.#waiting) {
      queue.delete(who)
      if (queue.size === 0) this.#waiting.delete(lock)
    }
  }

  /** Those to look at when the lock is let go. */
  waitingFor(lock: string): readonly string[] {
    return [...(this.#waiting.get(lock) ?? [])]
  }

  /** Those that wait for any lock of a namespace. */
  waitingIn(namespace: string): readonly string[] {
    const locks = [...this.#waiting].filter(([lock]) => lock.startsWith(`${namespace}/`))
    return locks.flatMap(([, queue]) => [...queue])
  }

  /** Whether nobody else has waited longer. */
  isNext(lock: string, who: string): boolean {
    const [first = who] = this.#waiting.get(lock) ?? []
    return first === who
  }
}
