import type { Api } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import type { Pod } from '../kube/objects.ts'
import { createQueue, type Queue, type QueueFailure } from '../kube/workqueue.ts'
import { RESYNC_MS } from '../lock/decide.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import { looksSame } from '../lock/pod-projection.ts'
import { controllerOf, isWaiting } from '../lock/pod-state.ts'
import { Waiters } from '../lock/waiters.ts'
import { SeenImages } from './moved-images.ts'
import { type Pods, replicaSetOf } from './pods.ts'
import { type ReconcileResult, reconcile } from './reconcile.ts'
import { heldLocks } from './recover-lock.ts'

/** Not the key of a lock, which has no more than one slash: look for all locks that are held. */
const HELD = 'held//'
/** Before namespace/ReplicaSet: find out whose it is. */
const OWNER = 'owner//'
/**
 * At rest a change of a pod is looked at this much later, with all that came meanwhile: pods of a recorded revision come
 * and go by themselves, and each look is three calls on an API server that is busy with just this rollout.
 */
const AT_REST_MS = 1_000
/** Each look is a few calls that wait for the API server; more at a time would only queue there. */
const CONCURRENCY = 8
/**
 * What a namespace holds may make looks at it slow, and many: there is room for others at any time, and an API server that has
 * time for them. Two are some 40 looks a second.
 */
const PER_NAMESPACE = 2

export interface ControllerDependencies {
  readonly api: Api
  readonly pods: Pods
  /** All that are watched, for pods whose lock was not known when they were seen. */
  readonly watched: () => Iterable<Pod>
  readonly now: () => number
  readonly random: () => number
  readonly report: (event: ControllerEvent, key: Key) => void
  /** @see ReconcileContext.platform */
  readonly platform?: (node: string) => Promise<string | undefined>
  /** After each look at a lock. */
  readonly onReconciled: (key: Key, look: ReconcileResult) => void
  readonly onFailure: (failure: QueueFailure) => void
  /** Of the queue. */
  readonly clock?: Clock
}

/** What lasts as long as this controller leads. */
interface Lead {
  /** Ends what only reads and may take long. */
  readonly ending: PromiseWithResolvers<readonly Key[]>
  readonly queue: Queue
  readonly waiters: Waiters
  readonly requeueDelay: RequeueDelay
  readonly images: SeenImages
  /** Locks that nobody holds and no pod waits for, with the ReplicaSets whose pods were seen. */
  readonly atRest: Map<string, ReadonlySet<string>>
}

/** watch → queue → snapshot → decide → act, as long as this controller leads. */
export interface Controller {
  /** A pod came or changed. @param before as it was known; undefined for one that came */
  see(pod: Pod, before: Pod | undefined): void
  /** A pod went, or is no longer watched. */
  lose(pod: Pod): void
  /** Begins with all that waits and all that is held. */
  start(): void
  /** Resolves when nothing is being worked on any more. */
  stop(): Promise<void>
  /** Locks to be looked at now. */
  readonly queued: number
}

export function createController({ api, pods, watched, ...options }: ControllerDependencies): Controller {
  const { now, random, report, platform, onReconciled, onFailure, clock } = options
  let lead: Lead | undefined

  function start(): void {
    if (lead !== undefined) return
    const started = createQueue({
      concurrency: CONCURRENCY,
      laneOf: namespaceOf,
      perLane: PER_NAMESPACE,
      work: (text) => work(text, mine),
      onFailure: (failure) => {
        onFailure(failure)
        return undefined
      },
      ...(clock && { clock }),
    })
    const mine: Lead = {
      ending: Promise.withResolvers(),
      queue: started,
      waiters: new Waiters(),
      requeueDelay: new RequeueDelay(),
      images: new SeenImages(),
      atRest: new Map(),
    }
    lead = mine
    for (const key of pods.keys()) {
      started.add(key)
      for (const pod of pods.pods(parseKey(key))) mine.images.note(key, pod)
    }
    for (const pod of watched()) if (pods.keyOf(pod) === undefined) askForOwner(pod)
    started.add(HELD)
  }

  async function work(
    text: string,
    { queue: mine, waiters, requeueDelay, images, atRest, ending }: Lead,
  ): Promise<void> {
    if (text === HELD) {
      for (const key of await Promise.race([heldLocks(api), ending.promise])) mine.add(keyText(key))
    } else if (text.startsWith(OWNER)) {
      await learnOwner(parseKey(text.slice(OWNER.length)), mine)
    } else {
      const key = parseKey(text)
      const view = { pods: (of: Key) => pods.pods(of), images: (of: Key) => images.take(keyText(of)) }
      const look = await reconcile(key, { api, view, now, random, waiters, report, ...(platform && { platform }) })
      onReconciled(key, look)
      for (const other of look.alsoReconcile) mine.add(keyText(other))
      const seen = isAtRest(look) ? pods.pods(key).map(replicaSetOf) : []
      if (seen.length > 0) atRest.set(text, new Set(seen))
      else atRest.delete(text)
      const atLeastMs = requeueDelay.after(text, look, now())
      if (look.requeueAt !== undefined) mine.addAfter(text, Math.max(atLeastMs, look.requeueAt - now()))
    }
  }

  /** @param pod one that came or changed */
  function lookAfter(key: string, pod?: Pod): void {
    const seen = lead?.atRest.get(key)
    // A ReplicaSet that is new may be of another Deployment of that name, to which the record does not belong.
    const isUrgent = pod !== undefined && (isWaiting(pod) || !seen?.has(replicaSetOf(pod)))
    if (seen === undefined || isUrgent) lead?.queue.add(key)
    else lead?.queue.addAfter(key, AT_REST_MS)
  }

  /** For names of more than about 230 characters, which neither ReplicaSet nor ConfigMap have in full. */
  function askForOwner({ metadata }: Pod): void {
    const owner = controllerOf(metadata, 'ReplicaSet')
    if (owner !== undefined) lead?.queue.add(OWNER + keyText({ namespace: metadata.namespace, deployment: owner.name }))
  }

  async function learnOwner({ namespace, deployment: name }: Key, mine: Queue): Promise<void> {
    const isWatched = (pod: Pod) =>
      pod.metadata.namespace === namespace && controllerOf(pod.metadata, 'ReplicaSet')?.name === name
    if (!Iterator.from(watched()).some(isWatched)) return
    const replicaSet = await api.read('ReplicaSet', namespace, name)
    if (replicaSet === undefined) return // its pods go with it
    const { uid } = replicaSet.metadata
    const owner = controllerOf(replicaSet.metadata, 'Deployment')
    const theirs = [...watched()].filter((pod) => replicaSetOf(pod) === uid)
    if (owner === undefined || theirs.length === 0) return
    pods.know(uid, owner.name)
    for (const pod of theirs) mine.add(pods.put(pod) ?? HELD)
  }

  return {
    see(pod, before) {
      const key = pods.put(pod)
      if (before !== undefined && looksSame(pod, before)) return
      if (key !== undefined) {
        lead?.images.note(key, pod)
        lookAfter(key, pod)
      } else askForOwner(pod)
    },
    lose(pod) {
      const key = pods.remove(pod)
      if (key === undefined) return
      lookAfter(key)
    },
    start,
    async stop() {
      const stopping = lead
      lead = undefined
      stopping?.ending.resolve([])
      await stopping?.queue.stop()
    },
    get queued() {
      return lead?.queue.waiting ?? 0
    },
  }
}

/** Whose turn a key takes. */
function namespaceOf(text: string): string {
  if (text === HELD) return HELD
  return parseKey(text.startsWith(OWNER) ? text.slice(OWNER.length) : text).namespace
}

/** Whether nothing that becomes of a pod calls for a look at once, but that it begins to wait. */
function isAtRest({ isKnown, heldSince, waitReason }: ReconcileResult): boolean {
  return isKnown && heldSince === undefined && (waitReason === undefined || waitReason === 'skip-later')
}

/** The Deployment controller takes milliseconds to catch up; where it is away, nothing is gained by asking each second. */
const CATCHING_UP_MS = [1_000, 2_000, 5_000]
/** A run that goes on without its Deployment may hold a named lock, for which others wait. */
const HELD_MAX_MS = 300_000
const ORPHAN_MAX_MS = 1_800_000

/** How long not to look again at locks for which nothing has come of it, without an event. */
export class RequeueDelay {
  /** Looks in a row that waited for the Deployment controller, by the key of the lock. */
  readonly #looks = new Map<string, number>()
  /** Since when there has been no Deployment, in milliseconds since 1970, by the key of the lock. */
  readonly #orphans = new Map<string, number>()

  /**
   * After each look.
   * @param now milliseconds since 1970
   * @returns for how long not to look again, in milliseconds
   */
  after(
    key: string,
    look: Pick<ReconcileResult, 'requeueAt' | 'waitReason' | 'isOrphan' | 'heldSince'>,
    now: number,
  ): number {
    return Math.max(this.#whileCatchingUp(key, look), this.#whileOrphan(key, look, now))
  }

  #whileCatchingUp(key: string, { waitReason }: Pick<ReconcileResult, 'waitReason'>): number {
    if (waitReason !== 'rollout-unsettled') {
      this.#looks.delete(key)
      return 0
    }
    const looks = this.#looks.get(key) ?? 0
    this.#looks.set(key, looks + 1)
    return CATCHING_UP_MS[Math.min(looks, CATCHING_UP_MS.length - 1)] ?? 0
  }

  /**
   * Pods that a Deployment left behind may be adopted by a new one, which no event tells; but anyone can leave thousands of
   * them behind. So the next look comes after as long as it has been so already, and costs less and less.
   */
  #whileOrphan(
    key: string,
    { requeueAt, isOrphan, heldSince }: Pick<ReconcileResult, 'requeueAt' | 'isOrphan' | 'heldSince'>,
    now: number,
  ): number {
    if (!isOrphan || requeueAt === undefined) {
      this.#orphans.delete(key)
      return 0
    }
    const since = this.#orphans.get(key) ?? now
    this.#orphans.set(key, since)
    const most = heldSince === undefined ? ORPHAN_MAX_MS : HELD_MAX_MS
    return Math.min(Math.max(now - since, RESYNC_MS), most)
  }
}
