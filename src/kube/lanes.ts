/**
 * Items in lanes that take turns, so that none waits for how many another lane has. An item is in its lane once, however
 * often it is added; within a lane they go in order of arrival.
 */
export class Lanes<T> {
  /** In order of their turns. A lane without items is not here. */
  readonly #lanes = new Map<string, Set<T>>()
  #size = 0

  get size(): number {
    return this.#size
  }

  has(lane: string, item: T): boolean {
    return this.#lanes.get(lane)?.has(item) ?? false
  }

  add(lane: string, item: T): void {
    if (this.has(lane, item)) return
    this.#lanes.set(lane, (this.#lanes.get(lane) ?? new Set()).add(item))
    this.#size++
  }

  /**
   * Takes the next item out.
   * @param isOpen whether a lane may give one now; one that may not keeps its turn
   */
  take(isOpen: (lane: string) => boolean = () => true): { readonly lane: string; readonly item: T } | undefined {
    for (const lane of this.#lanes.keys()) {
      if (!isOpen(lane)) continue
      const item = this.#takeFrom(lane)
      const rest = this.#lanes.get(lane)
      if (rest === undefined) return item
      this.#lanes.delete(lane)
      this.#lanes.set(lane, rest)
      return item
    }
    return undefined
  }

  /** Takes the oldest item out of the lane that has most. */
  takeFromLongest(): { readonly lane: string; readonly item: T } | undefined {
    let longest: string | undefined
    for (const [lane, items] of this.#lanes)
      if (longest === undefined || items.size > (this.#lanes.get(longest)?.size ?? 0)) longest = lane
    return longest === undefined ? undefined : this.#takeFrom(longest)
  }

  clear(): void {
    this.#lanes.clear()
    this.#size = 0
  }

  #takeFrom(lane: string): { readonly lane: string; readonly item: T } | undefined {
    const items = this.#lanes.get(lane)
    for (const item of items ?? []) {
      items?.delete(item)
      if (items?.size === 0) this.#lanes.delete(lane)
      this.#size--
      return { lane, item }
    }
    return undefined
  }
}
