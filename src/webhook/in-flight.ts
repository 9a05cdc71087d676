/** How many bytes may be held at once. Whoever finds no room waits, first come first served. */
export class InFlight {
  readonly #limitBytes: number
  readonly #waiting: Turn[] = []
  #heldBytes = 0

  /** @param limitBytes at least the size of the largest request for room, or that one would wait without end. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Calls `start` as soon as there is room, at once where there is.
   *
   * @returns leaves: gives the room back, or the place in the queue. Any number of calls count as one.
   */
  enter(bytes: number, start: () => void): () => void {
    const turn: Turn = { bytes, start, state: 'waiting' }
    this.#waiting.push(turn)
    this.#admit()
    return () => this.#leave(turn)
  }

  #leave(turn: Turn): void {
    if (turn.state === 'waiting') this.#waiting.splice(this.#waiting.indexOf(turn), 1)
    if (turn.state === 'holding') this.#heldBytes -= turn.bytes
    turn.state = 'left'
    this.#admit()
  }

  #admit(): void {
    for (
      let next = this.#waiting[0];
      next && this.#heldBytes + next.bytes <= this.#limitBytes;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      next.state = 'holding'
      this.#heldBytes += next.bytes
      next.start()
    }
  }
}

interface Turn {
  readonly bytes: number
  readonly start: () => void
  state: 'waiting' | 'holding' | 'left'
}
