import { KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { Waiting } from '../lock/decide.ts'
import { decide } from '../lock/decide.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER } from '../lock/grant.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import { lockText } from '../lock/named-lock.ts'
import { controllerOf, revisionOfPod, speaksProtocol } from '../lock/pod-state.ts'
import type { ProblemReason, Wait } from '../lock/reasons.ts'
import { UNKNOWN_LOCK } from '../lock/record.ts'
import { NOTHING_KNOWN, type Snapshot, type Standing, standingOf } from '../lock/snapshot.ts'
import { act } from './actions.ts'
import { reportMovedImages } from './moved-images.ts'
import { readSnapshot } from './read-snapshot.ts'
import type { Surroundings } from './reconcile-context.ts'

/** What a look at one lock came to. */
export interface Look extends Standing {
  /** When to look again without any event, in milliseconds since 1970; undefined where only an event can change anything. */
  readonly at: number | undefined
  /** Why its waiting pods still wait; undefined where none does. */
  readonly waiting: Wait | undefined
  /** False where something kept it from finding out. */
  readonly isKnown: boolean
  /** There is no Deployment of this name, so nothing can come of it before one is made. */
  readonly isOrphan: boolean
  /** Locks that wait for one that was let go here, longest first: to be looked at now. */
  readonly alsoLook: readonly Key[]
}

/** More than any real case takes, with a pod each; a guard against turning in circles. */
const MAX_STEPS = 2_000
const MAX_CONFLICTS = 5
/** Somebody else works on the same objects: they are probably done a moment later. */
const CONFLICT_MS = 200
const UNAVAILABLE_MS = 2_000
/** A permission or a policy: somebody has to mend it. */
const REFUSED_MS = 30_000

/**
 * One look at one lock: read, decide, act, until there is nothing to do before a time or an event. Safe at any time, in
 * any number of controllers at once, and to be given up at any point.
 *
 * Which events call for a look at a lock:
 * - a pod with its key (see `keyOf`) appears in the view, changes or leaves it;
 * - the time that the last look named has come;
 * - a look at another lock names it in `alsoLook`;
 * - the controller starts, for each of our ConfigMaps with a holder (listed by RECORD_LABEL).
 * A missed event costs time: whatever is waited for is looked at again by the time.
 * @throws only what is a mistake in the program; whatever the API server answers is reported and tried again
 */
export async function reconcile(key: Key, surroundings: Surroundings): Promise<Look> {
  const { api, view, turns } = surroundings
  const alsoLook = new Set<string>()
  let pods = view.pods(key)
  reportPods(pods, key, surroundings)
  let snapshot: Snapshot | undefined
  let conflicts = 0
  for (let step = 0; step < MAX_STEPS; step++) {
    try {
      snapshot ??= await readSnapshot(api, key, pods)
      const decision = decide(snapshot, { now: surroundings.now() })
      if (decision.kind === 'wait' || decision.kind === 'blocked') {
        // Taken in any case: without a record there is nothing to compare them with, and they must not pile up.
        const images = view.images?.(key) ?? []
        if (snapshot.read?.kind === 'record') await reportMovedImages(snapshot.read.record, images, surroundings, key)
        return finish(decision)
      }
      const acted = await act(decision, snapshot, surroundings)
      if (acted.kind === 'wait') return finish(acted)
      // What was seen of pods since is newer than the view, but it was read before what is read next.
      pods = [...snapshot.pods.values()].map(({ pod }) => pod).filter((pod) => pod !== undefined)
      snapshot = acted.kind === 'again' ? undefined : acted.snapshot
      if ('released' in acted && acted.released !== undefined)
        for (const waiting of waitingFor(acted.released)) alsoLook.add(waiting)
      if (acted.kind === 'stale' && ++conflicts > MAX_CONFLICTS) return failed(acted.conflict)
      // Nothing but a write shows that this is getting on.
      if (acted.kind !== 'stale' && decision.kind !== 'read-pod' && decision.kind !== 'read-named') conflicts = 0
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.code !== 'conflict' || ++conflicts > MAX_CONFLICTS) return failed(error)
      snapshot = undefined
    }
  }
  return unknown(surroundings.now() + UNAVAILABLE_MS)

  function waitingFor(lock: string): readonly string[] {
    return lock === lockText(key.namespace, UNKNOWN_LOCK) ? turns.waitingIn(key.namespace) : turns.waitingFor(lock)
  }

  function finish(decision: Waiting): Look {
    turns.leave(decision.kind === 'wait' && decision.lock !== undefined ? '' : keyText(key))
    // Its record went with its Deployment, and with that which named lock it held to the end.
    if (snapshot?.configMap === undefined && snapshot?.deployment === undefined && pods.length === 0)
      for (const waiting of turns.waitingIn(key.namespace)) alsoLook.add(waiting)
    if (decision.kind === 'blocked') {
      const { reason, object, until } = decision
      surroundings.report({ kind: 'problem', reason, object, detail: '' }, key)
      return unknown(until)
    }
    if (decision.lock !== undefined) turns.wait(lockText(key.namespace, decision.lock), keyText(key))
    return look(decision.until, decision.why)
  }

  function failed({ code, outline, retryAfterMs }: KubeError): Look {
    const now = surroundings.now()
    if (code === 'conflict') return unknown(now + CONFLICT_MS * (1 + surroundings.random()))
    const reason = code === 'invalid' ? 'refused' : code
    surroundings.report({ kind: 'problem', reason, object: keyText(key), detail: outline }, key)
    // Whatever the server asks for, neither at once nor in an hour.
    const askedMs = Math.min(Math.max(retryAfterMs ?? 0, UNAVAILABLE_MS), REFUSED_MS)
    return unknown(now + (code === 'unavailable' ? askedMs * (1 + surroundings.random()) : REFUSED_MS))
  }

  function look(at: number | undefined, waiting: Wait | undefined): Look {
    const others = [...alsoLook].filter((text) => text !== keyText(key)).map(parseKey)
    const standing = snapshot === undefined ? NOTHING_KNOWN : standingOf(snapshot)
    const isOrphan = snapshot !== undefined && snapshot.deployment === undefined
    return { ...standing, at, waiting, isKnown: true, isOrphan, alsoLook: others }
  }

  function unknown(at: number): Look {
    return { ...look(at, undefined), isKnown: false }
  }
}

/** Pods that are left out, and why: each reason once, however many there are. */
function reportPods(pods: readonly Pod[], key: Key, { report }: Surroundings): void {
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
