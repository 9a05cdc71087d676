/** Some 5 MiB. What is pushed out is said again when it is met again. */
const KEPT_MAX = 10_000

/** What was said lately, so that a trouble that is met every second does not fill the log, or the Events. */
export class OncePer {
  readonly #now: () => number
  readonly #repeatMs: number
  /** In the order in which it was said. */
  readonly #at = new Map<string, number>()

  /**
   * @param now milliseconds since 1970
   * @param repeatMs what lasts is said again after this long
   */
  constructor(now: () => number, repeatMs: number) {
    this.#now = now
    this.#repeatMs = repeatMs
  }

  /** Whether this is to be said now; from then on it was. */
  isDue(text: string): boolean {
    const now = this.#now()
    for (const [other, at] of this.#at) {
      if (now - at < this.#repeatMs) break
      this.#at.delete(other)
    }
    if (this.#at.has(text)) return false
    const [oldest] = this.#at.keys()
    if (this.#at.size >= KEPT_MAX && oldest !== undefined) this.#at.delete(oldest)
    this.#at.set(text, now)
    return true
  }
}
