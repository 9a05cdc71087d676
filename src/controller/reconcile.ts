import { KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import { decide, type Waiting } from '../lock/decide.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER } from '../lock/grant.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import { lockText } from '../lock/named-lock.ts'
import { controllerOf, revisionOfPod, speaksProtocol } from '../lock/pod-state.ts'
import type { ProblemReason, Wait } from '../lock/reasons.ts'
import { UNKNOWN_LOCK } from '../lock/record.ts'
import { type LockStatus, lockStatusOf, NOTHING_KNOWN, type Snapshot } from '../lock/snapshot.ts'
import { act } from './actions.ts'
import { reportMovedImages } from './moved-images.ts'
import { readSnapshot } from './read-snapshot.ts'
import { problemOf, type ReconcileContext } from './reconcile-context.ts'

/** What reconciling one lock came to. */
export interface ReconcileResult extends LockStatus {
  /** When to reconcile again without any event, in milliseconds since 1970; undefined where only an event can change anything. */
  readonly requeueAt: number | undefined
  /** Why its waiting pods still wait; undefined where none does. */
  readonly waitReason: Wait | undefined
  /** False where something kept it from finding out. */
  readonly isKnown: boolean
  /** There is no Deployment of this name, so nothing can come of it before one is made. */
  readonly isOrphan: boolean
  /** Locks that wait for one that was let go here, longest first: to be reconciled now. */
  readonly alsoReconcile: readonly Key[]
}

/** More than any real case takes, with a pod each; a guard against turning in circles. */
const MAX_STEPS = 2_000
const MAX_CONFLICTS = 5
/** Another writer works on the same objects: it is probably done a moment later. */
const CONFLICT_MS = 200
const UNAVAILABLE_MS = 2_000
/** A permission or a policy: a person has to change it. */
const REFUSED_MS = 30_000

/**
 * Reconciles one lock: read, decide, act, until there is nothing to do before a time or an event. Safe at any time, in
 * any number of controllers at once, and to be given up at any point.
 *
 * Which events have a lock reconciled:
 * - a pod with its key (see `keyOf`) appears in the view, changes or leaves it;
 * - the `requeueAt` of its last result has come;
 * - the result of another lock names it in `alsoReconcile`;
 * - the controller starts, for each record with a holder (listed by RECORD_LABEL).
 * A missed event costs time: whatever a lock waits for, its `requeueAt` comes.
 * @throws only what is a mistake in the program; whatever the API server answers is reported and tried again
 */
export async function reconcile(key: Key, context: ReconcileContext): Promise<ReconcileResult> {
  const { api, view, waiters } = context
  const alsoReconcile = new Set<string>()
  let pods = view.pods(key)
  reportPods(pods, key, context)
  let snapshot: Snapshot | undefined
  let conflicts = 0
  for (let step = 0; step < MAX_STEPS; step++) {
    try {
      snapshot ??= await readSnapshot(api, key, pods)
      const decision = decide(snapshot, { now: context.now() })
      if (decision.kind === 'wait' || decision.kind === 'blocked') {
        // Taken in any case: without a record there is nothing to compare them with, and they must not pile up.
        const images = view.images?.(key) ?? []
        if (snapshot.read?.kind === 'record') await reportMovedImages(snapshot.read.record, images, context, key)
        return finish(decision)
      }
      const result = await act(decision, snapshot, context)
      if (result.kind === 'wait') return finish(result)
      // These pods are newer than the view's, but were read before what is read next.
      pods = [...snapshot.pods.values()].map(({ pod }) => pod).filter((pod) => pod !== undefined)
      snapshot = result.kind === 'again' ? undefined : result.snapshot
      if ('released' in result && result.released !== undefined)
        for (const waiting of waitingFor(result.released)) alsoReconcile.add(waiting)
      if (result.kind === 'stale' && ++conflicts > MAX_CONFLICTS) return failed(result.conflict)
      // Nothing but a write shows that this is getting on.
      if (result.kind !== 'stale' && decision.kind !== 'read-pod' && decision.kind !== 'read-named') conflicts = 0
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.code !== 'conflict' || ++conflicts > MAX_CONFLICTS) return failed(error)
      snapshot = undefined
    }
  }
  return unknown(context.now() + UNAVAILABLE_MS)

  function waitingFor(lock: string): readonly string[] {
    return lock === lockText(key.namespace, UNKNOWN_LOCK) ? waiters.waitingIn(key.namespace) : waiters.waitingFor(lock)
  }

  function finish(decision: Waiting): ReconcileResult {
    waiters.leave(decision.kind === 'wait' && decision.lock !== undefined ? '' : keyText(key))
    // Its record went with its Deployment, and with that which named lock it held to the end.
    if (snapshot?.configMap === undefined && snapshot?.deployment === undefined && pods.length === 0)
      for (const waiting of waiters.waitingIn(key.namespace)) alsoReconcile.add(waiting)
    if (decision.kind === 'blocked') {
      const { reason, object, until } = decision
      context.report({ kind: 'problem', reason, object, detail: '' }, key)
      return unknown(until)
    }
    if (decision.lock !== undefined) waiters.wait(lockText(key.namespace, decision.lock), keyText(key))
    return resultOf(decision.until, decision.why)
  }

  function failed(error: KubeError): ReconcileResult {
    const { code, retryAfterMs } = error
    const now = context.now()
    if (code === 'conflict') return unknown(now + CONFLICT_MS * (1 + context.random()))
    context.report(problemOf(error, keyText(key)), key)
    // Whatever the server asks for, neither at once nor in an hour.
    const askedMs = Math.min(Math.max(retryAfterMs ?? 0, UNAVAILABLE_MS), REFUSED_MS)
    return unknown(now + (code === 'unavailable' ? askedMs * (1 + context.random()) : REFUSED_MS))
  }

  function resultOf(requeueAt: number | undefined, waitReason: Wait | undefined): ReconcileResult {
    const others = [...alsoReconcile].filter((text) => text !== keyText(key)).map(parseKey)
    const status = snapshot === undefined ? NOTHING_KNOWN : lockStatusOf(snapshot)
    const isOrphan = snapshot !== undefined && snapshot.deployment === undefined
    return { ...status, requeueAt, waitReason, isKnown: true, isOrphan, alsoReconcile: others }
  }

  function unknown(requeueAt: number): ReconcileResult {
    return { ...resultOf(requeueAt, undefined), isKnown: false }
  }
}

/** Pods that are left out, and why: each reason once, however many there are. */
function reportPods(pods: readonly Pod[], key: Key, { report }: ReconcileContext): void {
  const leftOut = Map.groupBy(pods, whyLeftOut)
  for (const [reason, theirs] of leftOut) {
    const [object, ...others] = theirs.map(({ metadata }) => metadata.name).toSorted()
    if (reason === undefined || object === undefined) continue
    report({ kind: 'problem', reason, object, others: others.length, detail: '' }, key)
  }
}

function whyLeftOut(pod: Pod): ProblemReason | undefined {
  if (!speaksProtocol(pod)) return 'unknown-protocol'
  const grant = grantOf(pod)
  if (grant.kind === 'unreadable') return 'unreadable-grant'
  if (decidedNumber(grant) >= MAX_RUN_NUMBER) return 'numbers-exhausted'
  return isForeign(pod) && pod.metadata.deletionTimestamp === undefined ? 'foreign-pod' : undefined
}

/** A copy of a pod, or of its template in another workload. Without the label its wrapper says so too, and ends. */
function isForeign(pod: Pod): boolean {
  return controllerOf(pod.metadata, 'ReplicaSet') === undefined || revisionOfPod(pod) === ''
}
