/** How long a free lock is kept for the one that has waited longest; then any may have it, lest one that is gone blocks it. */
export const COURTESY_MS = 5_000

/**
 * Which Deployments' locks wait for which named lock, in the order in which they came. Only a courtesy, in the memory of one controller: it
 * decides which lock is reconciled first when a named lock is released, never who may hold it.
 */
export class Waiters {
  /** Lock → those that wait, longest first. */
  readonly #waiting = new Map<string, Set<string>>()

  wait(lock: string, who: string): void {
    const queue = this.#waiting.get(lock) ?? new Set()
    this.#waiting.set(lock, queue.add(who))
  }

  /** It has the named lock, or does not need it any more. */
  leave(who: string): void {
    for (const [lock, queue] of this.#waiting) {
      queue.delete(who)
      if (queue.size === 0) this.#waiting.delete(lock)
    }
  }

  /** Those to reconcile when the named lock is released. */
  waitingFor(lock: string): readonly string[] {
    return [...(this.#waiting.get(lock) ?? [])]
  }

  /** Those that wait for any named lock of a namespace. */
  waitingIn(namespace: string): readonly string[] {
    const locks = [...this.#waiting].filter(([lock]) => lock.startsWith(`${namespace}/`))
    return locks.flatMap(([, queue]) => [...queue])
  }

  /** Whether no other has waited longer. */
  isNext(lock: string, who: string): boolean {
    const [first = who] = this.#waiting.get(lock) ?? []
    return first === who
  }
}
