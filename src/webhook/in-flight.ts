/** How often those that hold room are looked at while others wait for it: who comes has to wait for two looks at most. */
export const LOOK_MS = 250
/** What has to arrive from one look to the next, or the rest if that is less. The API server sends 7 MiB in less than that. */
const LEAST_BYTES = 128 * 1024
// The beginning of each is in memory by then, some 150 KiB.
const WAITING_MAX = 64

/** What one body asks for, and how it can be told whether it comes. */
export interface Incoming {
  /** As announced. */
  readonly bytes: number
  /** Of its sender. */
  readonly address: string
  /** Whether its connection has brought a whole body before: the API server's mostly has. */
  readonly isKnown: boolean
  /** There is room: it may be read. */
  start(): void
  /** What has arrived of it so far. */
  receivedBytes(): number
  /** It holds room that others wait for, and doesn't come. Must lead to the call of what `enter` returned. */
  cutOff(): void
  /** It won't be started: too many wait before it. */
  turnAway(): void
}

/**
 * How many bytes may be held at once. Who finds no room waits. Room is announced for and not yet filled, so it is lent only
 * to those who use it: while others wait, a body that doesn't arrive is cut off.
 */
export class InFlight {
  readonly #limitBytes: number
  readonly #lookMs: number | undefined
  readonly #waiting = new Set<Turn>()
  readonly #holding = new Set<Turn>()
  readonly #heldBy = new Map<string, number>()
  #heldBytes = 0
  #looks: NodeJS.Timeout | undefined

  /**
   * @param limitBytes at least the size of the largest body, or that one would wait without end.
   * @param lookMs how often to call `cutOffSlow` while there are bodies that wait; left out: never.
   */
  constructor(limitBytes: number, lookMs?: number) {
    this.#limitBytes = limitBytes
    this.#lookMs = lookMs
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Calls `start` as soon as there is room, at once where there is.
   *
   * @returns leaves: gives the room back, or the place among those that wait. Any number of calls count as one.
   */
  enter(incoming: Incoming): () => void {
    const turn: Turn = { incoming, seenBytes: undefined }
    if (this.#waiting.size === 0 && this.#hasRoom(turn)) {
      this.#hold(turn)
      return () => this.#leave(turn)
    }
    this.#waiting.add(turn)
    this.#admit()
    if (this.#waiting.size > WAITING_MAX) this.#turnLastAway()
    return () => this.#leave(turn)
  }

  /** Cuts off those that hold room of which next to nothing has been filled since the last call, if others wait for it. */
  cutOffSlow(): void {
    const slow: Turn[] = []
    for (const turn of this.#holding) {
      const { incoming, seenBytes } = turn
      const receivedBytes = incoming.receivedBytes()
      // Also where all has arrived and the answer isn't taken: that holds as much.
      const isSlow = seenBytes !== undefined && receivedBytes < seenBytes + LEAST_BYTES
      if (isSlow && this.#waiting.size > 0) slow.push(turn)
      turn.seenBytes = receivedBytes
    }
    for (const { incoming } of slow) incoming.cutOff()
  }

  #turnLastAway(): void {
    const last = this.#inOrder().at(-1)
    if (last === undefined) return
    this.#waiting.delete(last)
    last.incoming.turnAway()
  }

  #leave(turn: Turn): void {
    this.#waiting.delete(turn)
    if (this.#holding.delete(turn)) this.#count(turn.incoming, -turn.incoming.bytes)
    if (this.#looks !== undefined || this.#waiting.size > 0) this.#admit()
  }

  #admit(): void {
    for (let next = this.#next(); next; next = this.#next()) {
      this.#waiting.delete(next)
      this.#hold(next)
    }
    this.#lookOrNot()
  }

  /** Whose turn it is, if there is room for it. If not, none passes it: small ones would take what becomes free, for good. */
  #next(): Turn | undefined {
    if (this.#waiting.size === 0) return undefined
    const [first] = this.#inOrder()
    return first && this.#hasRoom(first) ? first : undefined
  }

  #hasRoom({ incoming }: Turn): boolean {
    return this.#heldBytes + incoming.bytes <= this.#limitBytes
  }

  /**
   * Those that wait, in the order in which they are let in: whose address holds least, so that one sender can't shut out
   * another; then those that are known; then the newest, since the API server gives up after some seconds.
   */
  #inOrder(): Turn[] {
    const heldBy = ({ incoming }: Turn) => this.#heldBy.get(incoming.address) ?? 0
    return [...this.#waiting]
      .reverse()
      .toSorted((a, b) => heldBy(a) - heldBy(b) || Number(b.incoming.isKnown) - Number(a.incoming.isKnown))
  }

  #hold(turn: Turn): void {
    this.#holding.add(turn)
    this.#count(turn.incoming, turn.incoming.bytes)
    turn.incoming.start()
  }

  #count({ address }: Incoming, bytes: number): void {
    this.#heldBytes += bytes
    const held = (this.#heldBy.get(address) ?? 0) + bytes
    if (held === 0) this.#heldBy.delete(address)
    else this.#heldBy.set(address, held)
  }

  #lookOrNot(): void {
    // After what has arrived meanwhile was read: this process may have been busy, and not the caller slow.
    const look = () => setImmediate(() => this.cutOffSlow())
    if (this.#waiting.size > 0) {
      if (this.#lookMs !== undefined) this.#looks ??= setInterval(look, this.#lookMs).unref()
    } else if (this.#looks !== undefined) {
      clearInterval(this.#looks)
      this.#looks = undefined
      for (const turn of this.#holding) turn.seenBytes = undefined
    }
  }
}

interface Turn {
  readonly incoming: Incoming
  /** What had arrived at the last look; undefined: not looked at yet. */
  seenBytes: number | undefined
}
