import { type BackoffLimits, backoffMs, type Clock, systemClock } from './clock.ts'

const CONCURRENCY = 4
const BACKOFF: BackoffLimits = { firstMs: 50, maxMs: 3_000 } // O4: at work within 5 s of the API server's return

export interface WorkqueueOptions {
  /** Works on one key. When it throws, the key comes back after a backoff of its own. */
  readonly work: (key: string) => Promise<void>
  /** How many keys at a time. */
  readonly concurrency?: number
  /** Whose a key is. Lanes take turns, so that none waits for how many keys another has. Default: one lane for all. */
  readonly laneOf?: (key: string) => string
  /** How many of one lane at a time, where its work is slow and others are to go on meanwhile. Default: `concurrency` */
  readonly perLane?: number
  readonly backoff?: BackoffLimits
  /** Each failure: for logs and metrics. @returns how long to wait at least, such as a server's Retry-After */
  readonly onFailure?: (failure: WorkqueueFailure) => { readonly atLeastMs?: number | undefined } | undefined
  readonly clock?: Clock
}

export interface WorkqueueFailure {
  readonly key: string
  readonly error: unknown
  /** In a row, this one included. */
  readonly failures: number
}

/**
 * Keys to be worked on. A key is never worked on twice at a time; added while it is worked on, it is worked on once more
 * afterwards, however often it was added.
 */
export interface Workqueue {
  add(key: string): void
  /** Of several times for a key the earliest counts. */
  addAfter(key: string, delayMs: number): void
  /** Keys that wait for a worker now: neither those worked on nor those whose time has not come. */
  readonly waiting: number
  /** Starts nothing more. Resolves when all that was being worked on is done. */
  stop(): Promise<void>
}

export function createWorkqueue(options: WorkqueueOptions): Workqueue {
  const { work, concurrency = CONCURRENCY, backoff = BACKOFF, onFailure, clock = systemClock } = options
  const { laneOf = () => '', perLane = concurrency } = options
  const ready = new FairQueue<string>()
  const running = new Set<string>()
  /** How many of each lane are being worked on. */
  const busy = new Map<string, number>()
  const again = new Set<string>()
  const later = new Map<string, { atMs: number; cancel: () => void }>()
  const failures = new Map<string, number>()
  const idle = Promise.withResolvers<void>()
  let isStopped = false

  function add(key: string): void {
    if (isStopped) return
    later.get(key)?.cancel()
    later.delete(key)
    if (running.has(key)) again.add(key)
    else ready.add(laneOf(key), key)
    startMore()
  }

  function addAfter(key: string, delayMs: number): void {
    if (isStopped || ready.has(laneOf(key), key)) return
    const atMs = clock.nowMs() + delayMs
    const before = later.get(key)
    if (before && before.atMs <= atMs) return
    before?.cancel()
    later.set(key, { atMs, cancel: clock.after(delayMs, () => add(key)) })
  }

  function startMore(): void {
    while (running.size < concurrency) {
      const next = ready.take((lane) => (busy.get(lane) ?? 0) < perLane)
      if (next === undefined) return
      const { lane, item: key } = next
      running.add(key)
      busy.set(lane, (busy.get(lane) ?? 0) + 1)
      void runOne(key, lane)
    }
  }

  async function runOne(key: string, lane: string): Promise<void> {
    try {
      await work(key)
      failures.delete(key)
    } catch (error) {
      comeBack(key, error)
    }
    running.delete(key)
    const others = (busy.get(lane) ?? 1) - 1
    if (others === 0) busy.delete(lane)
    else busy.set(lane, others)
    if (again.delete(key)) add(key)
    if (!isStopped) startMore()
    else if (running.size === 0) idle.resolve()
  }

  function comeBack(key: string, error: unknown): void {
    const count = (failures.get(key) ?? 0) + 1
    failures.set(key, count)
    let atLeastMs = 0
    try {
      atLeastMs = onFailure?.({ key, error, failures: count })?.atLeastMs ?? 0
    } catch {
      // Logs and metrics must not stop what they watch.
    }
    addAfter(key, Math.max(atLeastMs, backoffMs(count, backoff, clock)))
  }

  return {
    add,
    addAfter,
    get waiting() {
      return ready.size
    },
    stop() {
      isStopped = true
      for (const { cancel } of later.values()) cancel()
      later.clear()
      ready.clear()
      again.clear()
      if (running.size === 0) idle.resolve()
      return idle.promise
    },
  }
}

/**
 * A fair queue: items in lanes that take turns, so that none waits for how many another lane has. An item is in its lane once, however
 * often it is added; within a lane they go in order of arrival.
 */
export class FairQueue<T> {
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
