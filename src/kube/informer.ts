import { KubeError, type Selection } from './api.ts'
import { listInPages } from './client.ts'
import { backoffMs, type Clock, pause, systemClock } from './clock.ts'
import type { Kind, Objects } from './objects.ts'
import type { Transport } from './transport.ts'
import { ResourceExpired, type WatchEvent, watchStream } from './watch-stream.ts'

const BACKOFF = { firstMs: 100, maxMs: 2_000 } // with the limit on connecting, O4's 5 s after the API server's return
const RETRY_AFTER_MAX_MS = 30_000 // a wrong answer must not stop us for an hour
const STREAM_MIN_SECONDS = 300 // as client-go: a watch lasts between five and ten minutes
const RELIST_MS = 600_000 // mends what a watch should have said and did not
const STALL_MS = 150_000 // two bookmarks that did not come
const TRIES_AT_ONE_PLACE = 3
const NUMBER = /^[1-9]\d*$/

/** The objects of a selection, kept up to date by list and watch, whatever happens to the API server. */
interface Informer<T> {
  readonly size: number
  items(): IterableIterator<T>
  /** Whether the first complete list is in. It stays true while the API server is away. */
  readonly isSynced: boolean
  /** Resolves with that list, or with the stop. */
  readonly synced: Promise<void>
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}

interface InformerOptions<K extends Kind, T> {
  readonly kind: K
  readonly selection: Selection
  /** What is kept of each object; called once for each state seen, while the whole is in memory. */
  readonly project: (object: Objects[K]) => T
  /** Called in order. One that throws is told to `onTrouble`, and nothing stops; what the hooks below throw is ignored. */
  readonly handlers: EventHandlers<T>
  /** Each failure: for logs and metrics. */
  readonly onTrouble?: (trouble: InformerTrouble) => void
  /** Each new list and each new stream after the first: for metrics. */
  readonly onRestart?: (what: 'list' | 'stream') => void
  readonly clock?: Clock
  readonly limits?: Partial<InformerLimits>
}

export interface InformerLimits {
  readonly stallMs: number
  readonly relistMs: number
}

/** `handler`: ours threw. Else what went wrong with the API server; after it, the informer goes on by itself. */
export interface InformerTrouble {
  readonly at: 'list' | 'stream' | 'handler'
  readonly error: unknown
}

interface EventHandlers<T> {
  /** New, or other than before. */
  changed(item: T, before: T | undefined): void
  /** No longer in the selection, with what was last known of it. */
  gone(item: T): void
}

/**
 * Lists, then watches, and lists again where a watch can't go on, until it is stopped. What fails is tried again after a
 * backoff; nothing is thrown.
 */
export function startInformer<K extends Kind, T>(transport: Transport, options: InformerOptions<K, T>): Informer<T> {
  const { kind, selection, project, handlers, onTrouble, onRestart, clock = systemClock } = options
  const { stallMs = STALL_MS, relistMs = RELIST_MS } = options.limits ?? {}
  const stopping = new AbortController()
  const { signal } = stopping
  const first = Promise.withResolvers<void>()
  const store = new Store<T>({
    changed: (item, before) => guarded(() => handlers.changed(item, before)),
    gone: (item) => guarded(() => handlers.gone(item)),
  })
  let isSynced = false
  /** Everything up to here is in the store; undefined: only a list can tell. */
  let position: string | undefined
  let listedAtMs = 0
  let failures = 0
  let starts = 0

  async function relist(): Promise<string> {
    if (isSynced) hook(() => onRestart?.('list'))
    const listed = await listInPages(transport, kind, { selection, project: entryOf, signal })
    store.replace(listed.items)
    listedAtMs = clock.nowMs()
    isSynced = true
    first.resolve()
    return listed.resourceVersion
  }

  async function follow(from: string): Promise<void> {
    if (starts++ > 0) hook(() => onRestart?.('stream'))
    const timeoutSeconds = Math.round(STREAM_MIN_SECONDS * (1 + clock.random()))
    const events = watchStream(transport, kind, {
      selection,
      resourceVersion: from,
      timeoutSeconds,
      stallMs,
      clock,
      signal,
    })
    for await (const event of events) {
      take(event)
      failures = 0
    }
  }

  function take(event: WatchEvent): void {
    const version = event.kind === 'bookmark' ? event.resourceVersion : event.object.metadata.resourceVersion
    // Doubled, or older than what is known already.
    if (position !== undefined && isNotNewer(version, position)) return
    position = version
    if (event.kind === 'deleted') store.delete(event.object.metadata.uid)
    if (event.kind !== 'stored') return
    const entry = entryOf(event.object as Objects[K])
    if (entry) store.put(entry)
  }

  /** An object that can't be projected is left out, or stays as it was until the next list: it must not hide all others. */
  function entryOf(object: Objects[K]): Entry<T> | undefined {
    const { uid, resourceVersion } = object.metadata
    let entry: Entry<T> | undefined
    guarded(() => {
      entry = { uid, resourceVersion, item: project(object) }
    })
    return entry
  }

  function guarded(call: () => unknown): void {
    const tell = (error: unknown) => hook(() => onTrouble?.({ at: 'handler', error }))
    try {
      const result = call()
      if (result instanceof Promise) result.catch(tell)
    } catch (error) {
      tell(error)
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      let at: InformerTrouble['at'] = 'list'
      let atLeastMs = 0
      failures++
      try {
        if (position === undefined || clock.nowMs() - listedAtMs > relistMs) position = await relist()
        at = 'stream'
        await follow(position)
      } catch (error) {
        if (signal.aborted) break
        if (!(error instanceof ResourceExpired)) hook(() => onTrouble?.({ at, error }))
        if (error instanceof ResourceExpired || failures >= TRIES_AT_ONE_PLACE) position = undefined
        if (error instanceof KubeError) atLeastMs = Math.min(error.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
      }
      await pause(clock, Math.max(atLeastMs, backoffMs(Math.max(1, failures), BACKOFF, clock)), signal)
    }
    first.resolve()
  }

  const running = run()
  return {
    get size() {
      return store.size
    },
    items: () => store.items(),
    get isSynced() {
      return isSynced
    },
    synced: first.promise,
    async stop() {
      stopping.abort(new Error('stopped'))
      await running
    },
  }
}

function hook(call: () => void): void {
  try {
    call()
  } catch {
    // Logs and metrics must not stop what they watch.
  }
}

/** An object reduced to what its user needs, and which one in which state it was. */
interface Entry<T> {
  readonly uid: string
  readonly resourceVersion: string
  readonly item: T
}

/**
 * What is known of a selection (client-go's cache.Store), by UID: an object that was deleted and made again under its name is another one. Tells each
 * change once, in order, when it has already been taken in.
 */
class Store<T> {
  readonly #entries = new Map<string, Entry<T>>()
  readonly #handlers: EventHandlers<T>

  constructor(handlers: EventHandlers<T>) {
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

  delete(uid: string): void {
    const known = this.#entries.get(uid)
    if (!known) return
    this.#entries.delete(uid)
    this.#handlers.gone(known.item)
  }

  /** Takes a complete list in: also tells what has gone since. */
  replace(entries: readonly Entry<T>[]): void {
    const there = new Set(entries.map(({ uid }) => uid))
    for (const uid of [...this.#entries.keys()]) if (!there.has(uid)) this.delete(uid)
    for (const entry of entries) this.put(entry)
  }
}

/**
 * Whether the one resourceVersion is older than, or the same as, the other. They are opaque in principle; where both are
 * decimal numbers their order is that of the writes (KEP-5504, and each API server so far). Other ones are never called
 * old: taking an old state in is mended by the next list, and leaving a new one out may not be.
 */
export function isNotNewer(version: string, than: string): boolean {
  if (version === than) return true
  if (!NUMBER.test(version) || !NUMBER.test(than)) return false
  return version.length === than.length ? version < than : version.length < than.length
}
