import { type Api, KubeError } from './api.ts'
import { microTime } from './clock.ts'
import type { Event, Metadata } from './objects.ts'
import { FairQueue } from './workqueue.ts'

const CONTROLLER = 'migrate.io/controller'
const NOTE_MAX_BYTES = 1024
const NAME_MAX_LENGTH = 253
const WAITING_MAX = 1_000 // some 300 KiB; an API server that is away must not fill our memory
/** The same said again within this time is counted in a series, as client-go's recorder does (six minutes). */
const SERIES_MS = 360_000
/** Events of which that is known: some 3 MiB. The oldest is forgotten, and is a new Event when it is said again. */
const PUBLISHED_MAX = 1_000

/** As kubectl shows and filters them. */
export type EventType = 'Normal' | 'Warning'

/** What is said about an object. */
export interface Announcement {
  readonly type: EventType
  /** CamelCase, out of a table: what people filter by. */
  readonly reason: string
  /** What was done or attempted, CamelCase. */
  readonly action: string
  /** A sentence or two for a person. Cut at 1024 bytes, which is what the API takes. */
  readonly note: string
}

/** The object that an Event is about: kubectl finds it by kind, name and UID. */
export interface Regarding {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface EventRecorder {
  /**
   * Says it later, in order within the namespace, and never throws: an Event is a courtesy, and nothing waits for it.
   * Namespaces take turns, and where too many wait, the one that has most loses its oldest.
   * @param find what it is about, looked for when it is said; undefined where that has gone, and nothing is said
   */
  record(namespace: string, find: () => Promise<Regarding | undefined>, announcement: Announcement): void
  /** How many are still to be said. */
  readonly waiting: number
  /** What is waiting is said as far as it can be within the time limit of a call; nothing is taken any more. */
  stop(): Promise<void>
}

interface RecorderOptions {
  readonly api: Api
  /** Of this process, as `kubectl get events -o wide` shows it. */
  readonly instance: string
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** A part of a name: unlike any before. */
  readonly unique: () => string
  /** An Event that could not be said: refused, or too many waited. It is not tried again. */
  readonly onLost: (error: unknown) => void
}

/** Writes Events of events.k8s.io/v1, one at a time. */
export function createEventRecorder({ api, instance, now, unique, onLost }: RecorderOptions): EventRecorder {
  const waiting = new FairQueue<readonly [() => Promise<Regarding | undefined>, Announcement, number]>()
  const published = new Map<string, Event>()
  let work: Promise<void> | undefined
  let isStopped = false

  async function publishAll(): Promise<void> {
    for (let next = waiting.take(); next !== undefined; next = waiting.take()) {
      try {
        const [find, announcement, at] = next.item
        const regarding = await find()
        if (regarding !== undefined) await publish(regarding, announcement, at)
      } catch (error) {
        if (isStopped) return
        onLost(error)
      }
    }
    work = undefined
  }

  async function publish(regarding: Regarding, announcement: Announcement, at: number): Promise<void> {
    const same = JSON.stringify([regarding.uid, announcement])
    for (const [other, { eventTime, series }] of published) {
      if (published.size < PUBLISHED_MAX && at - Date.parse(series?.lastObservedTime ?? eventTime) <= SERIES_MS) break
      published.delete(other)
    }
    const before = published.get(same)
    published.delete(same)
    published.set(same, (before && (await countOn(before, at))) ?? (await create(regarding, announcement, at)))
  }

  /** Undefined where the Event has gone by its time to live, or was changed by somebody. */
  async function countOn(event: Event, at: number): Promise<Event | undefined> {
    const series = { count: (event.series?.count ?? 1) + 1, lastObservedTime: microTime(new Date(at)) }
    try {
      return await api.replace('Event', { ...event, series })
    } catch (error) {
      if (error instanceof KubeError && error.code === 'conflict') return undefined
      throw error
    }
  }

  async function create(regarding: Regarding, announcement: Announcement, at: number): Promise<Event> {
    const suffix = `.${unique()}`
    const name = regarding.name.slice(0, NAME_MAX_LENGTH - suffix.length).replace(/[.-]+$/, '') + suffix
    const metadata: Omit<Metadata, 'uid' | 'resourceVersion'> = { namespace: regarding.namespace, name }
    return await api.create('Event', {
      metadata,
      eventTime: microTime(new Date(at)),
      reportingController: CONTROLLER,
      reportingInstance: instance,
      regarding,
      ...announcement,
    })
  }

  return {
    record(namespace, find, announcement) {
      if (isStopped) return
      if (waiting.size >= WAITING_MAX) {
        waiting.takeFromLongest()
        onLost(
          new KubeError(
            'unavailable',
            `more than ${WAITING_MAX} Events wait for the API server: the oldest is dropped`,
          ),
        )
      }
      waiting.add(namespace, [find, { ...announcement, note: cut(announcement.note) }, now()])
      work ??= publishAll()
    },
    get waiting() {
      return waiting.size
    },
    async stop() {
      isStopped = true
      await work
    },
  }
}

function cut(note: string): string {
  if (Buffer.byteLength(note) <= NOTE_MAX_BYTES) return note
  // A character that is cut through becomes a replacement character, which is taken off.
  const kept = Buffer.from(note)
    .subarray(0, NOTE_MAX_BYTES - 3)
    .toString()
  return `${kept.replace(/\uFFFD$/, '')}…`
}
