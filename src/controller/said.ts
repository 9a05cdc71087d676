const REPEAT_MS = 300_000 // what lasts is said again after this long

/** What was said lately, so that a trouble that is met every second does not fill the log. Each thing once in 5 minutes. */
export class Said {
  readonly #now: () => number
  /** In the order in which it was said. */
  readonly #at = new Map<string, number>()

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether this is to be said now; from then on it was. */
  isDue(text: string): boolean {
    const now = this.#now()
    for (const [other, at] of this.#at) {
      if (now - at < REPEAT_MS) break
      this.#at.delete(other)
    }
    if (this.#at.has(text)) return false
    this.#at.set(text, now)
    return true
  }
}
