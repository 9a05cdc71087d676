/** An object reduced to what its user needs, and which one in which state it was. */
export interface Entry<T> {
  readonly uid: string
  readonly resourceVersion: string
  readonly item: T
}

export interface StoreHandlers<T> {
  /** New, or other than before. */
  changed(item: T, before: T | undefined): void
  /** No longer in the selection, with what was last known of it. */
  gone(item: T): void
}

/**
 * What is known of a selection, by UID: an object that was deleted and made again under its name is another one. Tells each
 * change once, in order, when it has already been taken in.
 */
export class Store<T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #handlers: StoreHandlers<T>

  constructor(handlers: StoreHandlers<T>) {
    this.#handlers = handlers
  }

  get size(): number {
    return this.#entries.size
  }

  *items(): IterableIterator<T> {
    for (const { item } of this.#entries.values()) yield item
  }

  put(entry: Entry<T>): void {
    const before = this.#entries.get(entry.uid)
    if (before?.resourceVersion === entry.resourceVersion) return
    this.#entries.set(entry.uid, entry)
    this.#handlers.changed(entry.item, before?.item)
  }

  remove(uid: string): void {
    const known = this.#entries.get(uid)
    if (!known) return
    this.#entries.delete(uid)
    this.#handlers.gone(known.item)
  }

  /** Takes a complete list in: also tells what has gone since. */
  replaceAll(entries: readonly Entry<T>[]): void {
    const there = new Set(entries.map(({ uid }) => uid))
    for (const uid of [...this.#entries.keys()]) if (!there.has(uid)) this.remove(uid)
    for (const entry of entries) this.put(entry)
  }
}
