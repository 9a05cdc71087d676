import type { Clock } from '../../../src/kube/clock.ts'

interface Timer {
  atMs: number
  nth: number
  callback: () => void
}

const TURNS = 20 // more promises in a row than anything here chains

/** A clock that stands still until told. */
export class FakeClock implements Clock {
  #nowMs = 0
  #count = 0
  readonly #timers = new Set<Timer>()
  #random: number

  constructor(random = 0.5) {
    this.#random = random
  }

  nowMs(): number {
    return this.#nowMs
  }

  random(): number {
    return this.#random
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, nth: this.#count++, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** How many callbacks are still to come. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets time pass: each callback runs at its own time, and all that follows from it before the next one. */
  async advance(byMs: number): Promise<void> {
    const end = this.#nowMs + byMs
    await settled()
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#timers.delete(timer)
      this.#nowMs = timer.atMs
      timer.callback()
      await settled()
    }
    this.#nowMs = end
  }

  /** Like a process that was stopped: time has passed, and no callback has run. */
  skip(byMs: number): void {
    this.#nowMs += byMs
  }

  #next(end: number): Timer | undefined {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= end)
    return due.toSorted((a, b) => a.atMs - b.atMs || a.nth - b.nth)[0]
  }
}

/** Everything that follows without time passing or I/O has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await Promise.resolve()
}
