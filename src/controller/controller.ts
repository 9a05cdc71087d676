import type { Api } from '../kube/api.ts'
import type { Clock } from '../kube/clock.ts'
import type { Pod } from '../kube/objects.ts'
import { createWorkqueue, type Workqueue, type WorkqueueFailure } from '../kube/workqueue.ts'
import { RESYNC_MS } from '../lock/decide.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import { looksSame } from '../lock/pod-projection.ts'
import { controllerOf, isWaiting } from '../lock/pod-state.ts'
import { Waiters } from '../lock/waiters.ts'
import { SeenImages } from './moved-images.ts'
import { type PodIndex, replicaSetOf } from './pod-index.ts'
import { type ReconcileResult, reconcile } from './reconcile.ts'
import { heldLocks } from './recover-lock.ts'

/** An item of the queue that is no lock, whose key has one slash only: list all locks that are held. */
const LIST_HELD = 'held//'
/** Before namespace/ReplicaSet: find out which Deployment owns it. */
const FIND_OWNER = 'owner//'
/**
 * At rest a change of a pod is reconciled this much later, with all that came meanwhile: pods of a recorded revision come
 * and go by themselves, and each time costs three calls on an API server that is busy with just this rollout.
 */
const AT_REST_MS = 1_000
/** Reconciling is a few calls that wait for the API server; more at a time would only queue there. */
const CONCURRENCY = 8
/**
 * What a namespace holds may make its locks slow to reconcile, and many: there is room for others at any time, and an API server
 * that has time for them. Two are some 40 locks a second.
 */
const PER_NAMESPACE = 2

/** The Deployment controller takes milliseconds to catch up; where it is away, nothing is gained by asking each second. */
const CATCHING_UP_DELAYS_MS = [1_000, 2_000, 5_000]
/** A run that goes on without its Deployment may hold a named lock, for which others wait. */
const HELD_MAX_MS = 300_000
const ORPHAN_MAX_MS = 1_800_000

export interface ControllerDependencies {
  readonly api: Api
  readonly pods: PodIndex
  /** All that are watched, for pods whose lock was not known when they came. */
  readonly watched: () => Iterable<Pod>
  readonly now: () => number
  readonly random: () => number
  readonly report: (event: ControllerEvent, key: Key) => void
  /** @see ReconcileContext.platform */
  readonly platform?: (node: string) => Promise<string | undefined>
  readonly onReconciled: (key: Key, result: ReconcileResult) => void
  readonly onFailure: (failure: WorkqueueFailure) => void
  /** Of the queue. */
  readonly clock?: Clock
}

/** What lasts as long as this controller leads. */
interface LeaderTerm {
  /** Resolves when the term ends: gives up what only reads and may take long. */
  readonly ending: PromiseWithResolvers<readonly Key[]>
  readonly queue: Workqueue
  readonly waiters: Waiters
  readonly requeueDelay: RequeueDelay
  readonly images: SeenImages
  /** Locks that are free and that no pod waits for, with the ReplicaSets whose pods were seen. */
  readonly atRest: Map<string, ReadonlySet<string>>
}

/** watch → queue → snapshot → decide → act, as long as this controller leads. */
export interface Controller {
  /** A pod came or changed. @param before as it was known; undefined for one that came */
  podChanged(pod: Pod, before: Pod | undefined): void
  /** A pod went, or is no longer watched. */
  podGone(pod: Pod): void
  /** Begins with all that waits and all that is held. */
  start(): void
  /** Resolves when nothing is being worked on any more. */
  stop(): Promise<void>
  /** Locks to be reconciled now. */
  readonly queued: number
}

export function createController({ api, pods, watched, ...options }: ControllerDependencies): Controller {
  const { now, random, report, platform, onReconciled, onFailure, clock } = options
  let term: LeaderTerm | undefined

  function start(): void {
    if (term !== undefined) return
    const queue = createWorkqueue({
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
    const mine: LeaderTerm = {
      ending: Promise.withResolvers(),
      queue,
      waiters: new Waiters(),
      requeueDelay: new RequeueDelay(),
      images: new SeenImages(),
      atRest: new Map(),
    }
    term = mine
    for (const key of pods.keys()) {
      queue.add(key)
      for (const pod of pods.pods(parseKey(key))) mine.images.note(key, pod)
    }
    for (const pod of watched()) if (pods.keyOf(pod) === undefined) enqueueOwner(pod)
    queue.add(LIST_HELD)
  }

  async function work(
    text: string,
    { queue, waiters, requeueDelay, images, atRest, ending }: LeaderTerm,
  ): Promise<void> {
    if (text === LIST_HELD) {
      for (const key of await Promise.race([heldLocks(api), ending.promise])) queue.add(keyText(key))
    } else if (text.startsWith(FIND_OWNER)) {
      await findOwner(parseKey(text.slice(FIND_OWNER.length)), queue)
    } else {
      const key = parseKey(text)
      const view = { pods: (of: Key) => pods.pods(of), images: (of: Key) => images.take(keyText(of)) }
      const result = await reconcile(key, { api, view, now, random, waiters, report, ...(platform && { platform }) })
      onReconciled(key, result)
      for (const other of result.alsoReconcile) queue.add(keyText(other))
      const seen = isAtRest(result) ? pods.pods(key).map(replicaSetOf) : []
      if (seen.length > 0) atRest.set(text, new Set(seen))
      else atRest.delete(text)
      const atLeastMs = requeueDelay.after(text, result, now())
      if (result.requeueAt !== undefined) queue.addAfter(text, Math.max(atLeastMs, result.requeueAt - now()))
    }
  }

  /** @param pod one that came or changed */
  function enqueue(key: string, pod?: Pod): void {
    const seen = term?.atRest.get(key)
    // A ReplicaSet that is new may be of another Deployment of that name, to which the record does not belong.
    const isUrgent = pod !== undefined && (isWaiting(pod) || !seen?.has(replicaSetOf(pod)))
    if (seen === undefined || isUrgent) term?.queue.add(key)
    else term?.queue.addAfter(key, AT_REST_MS)
  }

  /** For names of more than about 230 characters, which neither ReplicaSet nor ConfigMap have in full. */
  function enqueueOwner({ metadata }: Pod): void {
    const owner = controllerOf(metadata, 'ReplicaSet')
    if (owner !== undefined)
      term?.queue.add(FIND_OWNER + keyText({ namespace: metadata.namespace, deployment: owner.name }))
  }

  async function findOwner({ namespace, deployment: name }: Key, queue: Workqueue): Promise<void> {
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
    for (const pod of theirs) queue.add(pods.put(pod) ?? LIST_HELD)
  }

  return {
    podChanged(pod, before) {
      const key = pods.put(pod)
      if (before !== undefined && looksSame(pod, before)) return
      if (key !== undefined) {
        term?.images.note(key, pod)
        enqueue(key, pod)
      } else enqueueOwner(pod)
    },
    podGone(pod) {
      const key = pods.remove(pod)
      if (key === undefined) return
      enqueue(key)
    },
    start,
    async stop() {
      const stopping = term
      term = undefined
      stopping?.ending.resolve([])
      await stopping?.queue.stop()
    },
    get queued() {
      return term?.queue.waiting ?? 0
    },
  }
}

/** The lane of an item of the queue: namespaces take turns. */
function namespaceOf(text: string): string {
  if (text === LIST_HELD) return LIST_HELD
  return parseKey(text.startsWith(FIND_OWNER) ? text.slice(FIND_OWNER.length) : text).namespace
}

/** Whether no change of a pod is urgent, except that one begins to wait. */
function isAtRest({ isKnown, heldSince, waitReason }: ReconcileResult): boolean {
  return isKnown && heldSince === undefined && (waitReason === undefined || waitReason === 'skip-later')
}

/** How long not to reconcile a lock again, without an event, where nothing came of it before. */
export class RequeueDelay {
  /** How often in a row a lock waited for the Deployment controller, by its key. */
  readonly #attempts = new Map<string, number>()
  /** Since when there has been no Deployment, in milliseconds since 1970, by the key of the lock. */
  readonly #orphans = new Map<string, number>()

  /**
   * After each time that a lock was reconciled.
   * @param now milliseconds since 1970
   * @returns for how long not to reconcile it again, in milliseconds
   */
  after(
    key: string,
    result: Pick<ReconcileResult, 'requeueAt' | 'waitReason' | 'isOrphan' | 'heldSince'>,
    now: number,
  ): number {
    return Math.max(this.#whileCatchingUp(key, result), this.#whileOrphan(key, result, now))
  }

  #whileCatchingUp(key: string, { waitReason }: Pick<ReconcileResult, 'waitReason'>): number {
    if (waitReason !== 'rollout-unsettled') {
      this.#attempts.delete(key)
      return 0
    }
    const attempts = this.#attempts.get(key) ?? 0
    this.#attempts.set(key, attempts + 1)
    return CATCHING_UP_DELAYS_MS[Math.min(attempts, CATCHING_UP_DELAYS_MS.length - 1)] ?? 0
  }

  /**
   * Pods that a Deployment left behind may be adopted by a new one, which no event tells; but anyone can leave thousands of
   * them behind. So the next time comes after as long as it has been so already, and costs less and less.
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
