/** Texts that are remembered: some 5 MiB. What is pushed out is said again when it is met again. */
const KEPT_MAX = 10_000

/** Says each thing once per period, so that a trouble that is met every second does not fill the log, or the Events. */
export class OncePer {
  readonly #now: () => number
  readonly #periodMs: number
  /** When each text was said last, in that order. */
  readonly #saidAt = new Map<string, number>()

  /**
   * @param now milliseconds since 1970
   * @param periodMs what lasts is said again after this long; infinite: never, as long as it is remembered
   */
  constructor(now: () => number, periodMs: number) {
    this.#now = now
    this.#periodMs = periodMs
  }

  /** Whether this is to be said now; from then on it was. */
  isDue(text: string): boolean {
    const now = this.#now()
    for (const [other, at] of this.#saidAt) {
      if (now - at < this.#periodMs) break
      this.#saidAt.delete(other)
    }
    if (this.#saidAt.has(text)) return false
    const [oldest] = this.#saidAt.keys()
    if (this.#saidAt.size >= KEPT_MAX && oldest !== undefined) this.#saidAt.delete(oldest)
    this.#saidAt.set(text, now)
    return true
  }
}
