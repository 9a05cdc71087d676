import type { ConfigMap, Deployment, Pod, ReplicaSet } from '../kube/objects.ts'
import { FIELD_MANAGER, GRANT_ANNOTATION, lockConfigMapName, NUDGE_ANNOTATION } from '../names.ts'
import { nextTry } from './backoff.ts'
import { deploymentOwnerOf, isOrphaned } from './config-map.ts'
import type { ControllerEvent } from './event.ts'
import { decisionOn, grantOf, MAX_RUN_NUMBER, marksOff, type RunGrant } from './grant.ts'
import { mountedRecord } from './key.ts'
import {
  choose,
  currentReplicaSet,
  type End,
  endOf,
  highestNumberOf,
  isCandidate,
  isDone,
  isOwnedBy,
  isWaiting,
  mayBeTold,
  revisionOfPod,
  runningSince,
  speaksProtocol,
} from './pod-state.ts'
import type { ProblemReason, Wait } from './reasons.ts'
import { completedOf, failedOf, type Holder, isCompleted, type LockRecord } from './record.ts'
import type { Snapshot } from './snapshot.ts'

/** How often a lock that a pod waits for is reconciled without any event: a watch may miss one. */
export const RESYNC_MS = 30_000
/** The Deployment controller takes milliseconds to catch up. */
const CATCHING_UP_MS = 1_000

/**
 * A pod that started after the success was recorded finds the record in its volume and ends within a second; told to
 * skip, it would cost a write for nothing. One that was there before sees the record up to two minutes later.
 */
const FINDS_RECORD_MS = 3_000

/**
 * Kubelet now and then takes a change of a pod's annotations for written that is not (docs/adr/0009), and the file stays old until
 * it syncs the pod the next time: by itself up to 90 s later, or at any other change of its annotations. A pod acts on its
 * file within a second, so one that has not ended by now may have missed it.
 */
const NUDGE_AFTER_MS = 5_000

/** The record that a write replaces: a compare-and-swap on its ConfigMap. */
export interface Stored {
  readonly configMap: ConfigMap
  readonly record: LockRecord
}

/** The next step for one lock. Each can be repeated, and given up at any point. */
export type Decision =
  | { readonly kind: 'read-pod'; readonly name: string }
  | { readonly kind: 'read-named'; readonly lock: string }
  /** A record that says nothing yet, so that each controller that finds it has something to compare and swap. */
  | { readonly kind: 'create-blank'; readonly deployment: Deployment }
  | { readonly kind: 'recover'; readonly deployment: Deployment; readonly configMap: ConfigMap }
  | { readonly kind: 'take-over'; readonly stored: Stored; readonly deployment: Deployment; readonly keep: boolean }
  | { readonly kind: 'skip'; readonly pod: Pod; readonly revision: string }
  | { readonly kind: 'adopt-run'; readonly stored: Stored; readonly pod: Pod; readonly grant: RunGrant }
  | {
      readonly kind: 'acquire'
      readonly stored: Stored
      readonly pod: Pod
      readonly number: number
      readonly lock: string | undefined
    }
  | { readonly kind: 'take-named'; readonly holder: Holder; readonly lock: string }
  | { readonly kind: 'recover-named'; readonly lock: string }
  | { readonly kind: 'grant'; readonly stored: Stored; readonly pod: Pod; readonly holder: Holder }
  /** Writes `wait n`: from then on no controller can grant n. On the own holder, or on one that has the named lock. */
  | { readonly kind: 'settle'; readonly pod: Pod; readonly number: number; readonly of: 'own' | 'named' }
  | { readonly kind: 'unmark'; readonly pod: Pod }
  /** @see nudgeAt. `wait`: what to do after it. */
  | { readonly kind: 'nudge'; readonly pod: Pod; readonly wait: Extract<Waiting, { kind: 'wait' }> }
  | {
      readonly kind: 'complete'
      readonly stored: Stored
      readonly holder: Holder
      readonly pod: Pod
      readonly end: Extract<End, { kind: 'success' }>
    }
  | {
      readonly kind: 'fail'
      readonly stored: Stored
      readonly holder: Holder
      readonly end: Extract<End, { kind: 'failure' }>
    }
  | { readonly kind: 'release'; readonly stored: Stored; readonly holder: Holder; readonly event: ControllerEvent }
  | Waiting

export type Waiting =
  /** Nothing to do before the next event, or before `until` (milliseconds since 1970). */
  | {
      readonly kind: 'wait'
      readonly why: Wait | undefined
      readonly until: number | undefined
      /** Wants this named lock next. */
      readonly lock?: string
    }
  | { readonly kind: 'blocked'; readonly reason: ProblemReason; readonly object: string; readonly until: number }

/**
 * The next step for one lock, from what was read. Pure: each step is carried out as a compare-and-swap on what it was
 * decided from, so an old snapshot leads to a conflict and never to a wrong write.
 */
export function decide(snapshot: Snapshot, { now }: { readonly now: number }): Decision {
  const { read, configMap, deployment } = snapshot
  const alive = deployment?.metadata.deletionTimestamp === undefined ? deployment : undefined
  if (read === undefined || configMap === undefined) {
    if (alive === undefined) {
      const until = snapshot.pods.size === 0 ? undefined : now + RESYNC_MS
      return { kind: 'wait', why: until === undefined ? undefined : 'no-deployment', until }
    }
    // At the first sight of a pod, not only when one waits: then none has started, and none needs to be told to wait.
    return { kind: 'create-blank', deployment: alive }
  }
  const isUnused = alive === undefined && snapshot.pods.size === 0
  // No pod needs it before one with its key comes, which has it reconciled.
  if (isUnused && read.kind !== 'record') return { kind: 'wait', why: undefined, until: undefined }
  if (read.kind === 'foreign') return blocked('foreign-configmap', lockConfigMapName(snapshot.key.deployment), now)
  if (read.kind === 'edited') {
    if (alive === undefined) return blocked('record-edited', lockConfigMapName(snapshot.key.deployment), now)
    return { kind: 'recover', deployment: alive, configMap }
  }
  const stored: Stored = { configMap, record: read.record }
  if (alive !== undefined && deploymentOwnerOf(configMap)?.uid !== alive.metadata.uid)
    return { kind: 'take-over', stored, deployment: alive, keep: isOrphaned(configMap) }

  const skips = findSkips(snapshot, read.record, now)
  if (skips.first !== undefined) return skips.first
  const { holder } = read.record
  const decision =
    holder === undefined ? decideFree(snapshot, stored, alive, now) : decideHeld(snapshot, stored, holder, now)
  if (decision.kind !== 'wait') return decision
  const wait = withSkips(decision, skips.nextAt)
  return wait.kind === 'wait' ? withNudges(wait, snapshot, now) : wait
}

function blocked(reason: 'foreign-configmap' | 'record-edited', object: string, now: number): Waiting {
  return { kind: 'blocked', reason, object, until: now + RESYNC_MS }
}

/**
 * The lock is held: goes on where the controller that took it left off. The holder is removed only when its number can't be used
 * any more: it was used and that is over, or the pod is gone, or it was decided on the pod that it never may.
 *
 * | end of run n            | `run n`           | open              | never    |
 * | ----------------------- | ----------------- | ----------------- | -------- |
 * | success                 | record            | record            | record   |
 * | failure                 | settle            | settle            | count it |
 * | interrupted, unrecorded | settle            | settle            | release  |
 * | unknown                 | wait              | grant, or settle  | release  |
 */
function decideHeld(snapshot: Snapshot, stored: Stored, holder: Holder, now: number): Decision {
  const seen = snapshot.pods.get(holder.pod)
  if (seen?.isLive !== true) return { kind: 'read-pod', name: holder.pod }
  const { pod } = seen
  const { number, pod: name } = holder
  if (pod?.metadata.uid !== holder.uid)
    return { kind: 'release', stored, holder, event: { kind: 'interrupted', pod: name, number, why: 'pod-gone' } }

  const end = endOf(pod, number)
  const decision = decisionOn(number, grantOf(pod))
  if (end.kind === 'success') {
    const isMarked = Object.keys(marksOff(pod)).length > 0 && !snapshot.markedForGood.has(holder.uid)
    return isMarked ? { kind: 'unmark', pod } : { kind: 'complete', stored, holder, pod, end }
  }
  if (end.kind === 'unknown') {
    if (decision === 'open') return decideOpen(snapshot, stored, holder, { pod, now })
    if (decision === 'run') return { kind: 'wait', why: 'running', until: now + RESYNC_MS }
  } else if (decision !== 'never') return { kind: 'settle', pod, number, of: 'own' }

  if (end.kind === 'failure') return { kind: 'fail', stored, holder, end }
  return { kind: 'release', stored, holder, event: releaseEvent(end, holder) }
}

function releaseEvent(
  end: Extract<End, { kind: 'interrupted' | 'unrecorded' | 'unknown' }>,
  { pod, revision, number }: Holder,
): ControllerEvent {
  if (end.kind === 'interrupted') return { kind: 'interrupted', pod, number, why: end.why }
  if (end.kind === 'unrecorded') return { kind: 'not-recorded', pod, revision, number, exitCode: 0 }
  return { kind: 'given-up', pod, number }
}

/** The lock was taken and its number not granted yet: grants it, once the named lock is there too, or gives it up. */
function decideOpen(
  snapshot: Snapshot,
  stored: Stored,
  holder: Holder,
  { pod, now }: { pod: Pod; now: number },
): Decision {
  const { number, lock } = holder
  if (!isWanted(snapshot, stored, holder, pod)) return { kind: 'settle', pod, number, of: 'own' }
  const grant: Decision = { kind: 'grant', stored, pod, holder }
  if (lock === undefined) return grant
  const { named } = snapshot
  switch (named?.kind) {
    case undefined:
      return { kind: 'read-named', lock }
    case 'free':
      return { kind: 'take-named', holder, lock }
    case 'lost':
      return { kind: 'recover-named', lock }
    case 'open':
      return { kind: 'settle', pod: named.pod, number: named.number, of: 'named' }
    case 'foreign':
      return { kind: 'blocked', reason: 'foreign-configmap', object: named.name, until: now + RESYNC_MS }
    case 'busy':
      return named.isOurs ? grant : { kind: 'wait', why: 'lock-busy', until: now + RESYNC_MS, lock }
  }
}

/** Whether an undecided number should still be granted: all of what it was given out for still holds. */
function isWanted({ deployment, replicaSets, settings }: Snapshot, { record }: Stored, holder: Holder, pod: Pod) {
  if (deployment === undefined || deployment.metadata.deletionTimestamp !== undefined) return false
  const current = currentReplicaSet(deployment, replicaSets)
  return (
    current !== undefined &&
    isCandidate(pod, current) &&
    !isCompleted(record, holder.revision) &&
    settings.lock === holder.lock
  )
}

/** The lock is free: gives it to the pod that is next, if there is one and its time has come. */
function decideFree(snapshot: Snapshot, stored: Stored, deployment: Deployment | undefined, now: number): Decision {
  const { record } = stored
  const unknown = [...snapshot.pods.values()].find(({ pod }) => pod !== undefined && isUnknownRun(pod, stored))
  if (unknown?.pod !== undefined) {
    const { pod, isLive } = unknown
    const grant = grantOf(pod)
    if (!isLive) return { kind: 'read-pod', name: pod.metadata.name }
    if (grant.kind === 'run') return { kind: 'adopt-run', stored, pod, grant }
  }
  const pods = [...snapshot.pods.values()].map(({ pod }) => pod).filter((pod) => pod !== undefined)
  const waiting = pods.filter((pod) => speaksProtocol(pod) && isWaiting(pod) && grantOf(pod).kind !== 'skip')
  if (waiting.length === 0) return { kind: 'wait', why: undefined, until: undefined }
  const resyncAt = now + RESYNC_MS
  // One of that name may adopt the pods, which changes nothing on them.
  if (deployment === undefined) return { kind: 'wait', why: 'no-deployment', until: resyncAt }

  const current = currentReplicaSet(deployment, snapshot.replicaSets)
  if (current === undefined) return { kind: 'wait', why: 'rollout-unsettled', until: now + CATCHING_UP_MS }
  const pod = choose(pods, current)
  if (pod === undefined) return { kind: 'wait', why: 'not-current', until: resyncAt }
  const revision = revisionOfPod(pod)
  if (revision === '' || isCompleted(record, revision)) return { kind: 'wait', why: undefined, until: resyncAt }
  const next = nextTry(failedOf(record, revision), snapshot.settings.retries, now)
  if (next.kind === 'never') return { kind: 'wait', why: 'gave-up', until: resyncAt }
  if (next.kind === 'later') return { kind: 'wait', why: 'backoff', until: next.at }
  if (snapshot.pods.get(pod.metadata.name)?.isLive !== true) return { kind: 'read-pod', name: pod.metadata.name }

  const number = Math.max(record.number, highestNumberOf(pod)) + 1
  if (number > MAX_RUN_NUMBER)
    return { kind: 'blocked', reason: 'numbers-exhausted', object: pod.metadata.name, until: resyncAt }
  const { lock } = snapshot.settings
  const acquire: Decision = { kind: 'acquire', stored, pod, number, lock }
  return lock === undefined ? acquire : decideNamed(snapshot, lock, acquire, resyncAt)
}

/** A pod that may be running under a number that the record knows nothing of: another writer wrote its grant. */
function isUnknownRun(pod: Pod, { record }: Stored): boolean {
  const grant = grantOf(pod)
  if (grant.kind !== 'run' || !speaksProtocol(pod) || endOf(pod, grant.number).kind !== 'unknown') return false
  return completedOf(record.entries, revisionOfPod(pod))?.number !== grant.number
}

/** The own lock is taken only when the named one is free too, so that no pod holds it that can't run. */
function decideNamed({ named }: Snapshot, lock: string, acquire: Decision, resyncAt: number): Decision {
  switch (named?.kind) {
    case undefined:
      return { kind: 'read-named', lock }
    case 'free':
      if (named.isKeptUntil === undefined) return acquire
      return { kind: 'wait', why: 'lock-turn', until: named.isKeptUntil, lock }
    case 'busy':
      return { kind: 'wait', why: 'lock-busy', until: resyncAt, lock }
    case 'lost':
      return { kind: 'recover-named', lock }
    case 'open':
      return { kind: 'settle', pod: named.pod, number: named.number, of: 'named' }
    case 'foreign':
      return { kind: 'blocked', reason: 'foreign-configmap', object: named.name, until: resyncAt }
  }
}

interface Skips {
  readonly first: Extract<Decision, { kind: 'skip' }> | undefined
  readonly nextAt: number | undefined
}

function findSkips({ pods, replicaSets }: Snapshot, record: LockRecord, now: number): Skips {
  let nextAt: number | undefined
  for (const { pod } of pods.values()) {
    if (pod === undefined) continue
    const at = skipAt(pod, record, replicaSets, now)
    if (at === undefined) continue
    if (at <= now) return { first: { kind: 'skip', pod, revision: revisionOfPod(pod) }, nextAt }
    nextAt = Math.min(at, nextAt ?? at)
  }
  return { first: undefined, nextAt }
}

/**
 * When a pod is to be told to skip; undefined where it isn't. Milliseconds since 1970, which may have passed.
 * A grant `run n` that may be running is never overwritten.
 * @param replicaSets those of the Deployment that owns the record
 */
function skipAt(pod: Pod, record: LockRecord, replicaSets: readonly ReplicaSet[], now: number): number | undefined {
  const revision = revisionOfPod(pod)
  if (
    !speaksProtocol(pod) ||
    !(isWaiting(pod) || isLeftAlone(pod)) ||
    revision === '' ||
    !isCompleted(record, revision)
  )
    return undefined
  if (!isOwnedBy(pod.metadata, replicaSets) || !mayBeTold(pod)) return undefined
  if (mountedRecord(pod) === undefined) return now
  const since = Date.parse(runningSince(pod) ?? '')
  const completed = completedOf(record.entries, revision)
  const recordedAt = Date.parse(completed?.started ?? '') + (completed?.seconds ?? 0) * 1000
  // A node's clock may be wrong: a start in the future counts as long ago.
  return Number.isNaN(since) || since > now || !(since > recordedAt) ? now : since + FINDS_RECORD_MS
}

/**
 * A runner that is done and can't see the record: in a new sandbox, after its node's restart, it would find its used
 * number and wait. Kubelets before 1.32 leave such a pod in phase Running (kubernetes/kubernetes#126653), where the watch
 * does not show it; so it is told while it is known. Any other pod that was let through notes that in its own volume.
 */
function isLeftAlone(pod: Pod): boolean {
  const isDeleting = pod.metadata.deletionTimestamp !== undefined
  return mountedRecord(pod) === undefined && isDone(pod) && !isDeleting && grantOf(pod).kind === 'run'
}

function withSkips(decision: Extract<Waiting, { kind: 'wait' }>, nextAt: number | undefined): Waiting {
  if (nextAt === undefined) return decision
  const until = Math.min(nextAt, decision.until ?? nextAt)
  return { ...decision, why: decision.why ?? 'skip-later', until }
}

/** Last of all: it is a write for a file that has mostly been read long since. */
function withNudges(wait: Extract<Waiting, { kind: 'wait' }>, { pods }: Snapshot, now: number): Decision {
  let nextAt = wait.until
  for (const { pod } of pods.values()) {
    const at = pod === undefined ? undefined : nudgeAt(pod)
    if (pod === undefined || at === undefined) continue
    if (at <= now) return { kind: 'nudge', pod, wait }
    nextAt = Math.min(at, nextAt ?? at)
  }
  return { ...wait, until: nextAt }
}

/**
 * When a pod that was told to run or to skip is to be nudged; undefined where it isn't. Milliseconds since 1970, which may have
 * passed. Nothing tells that a run has begun, so each one that lasts longer costs this one write.
 */
function nudgeAt(pod: Pod): number | undefined {
  const { annotations = {}, managedFields = [] } = pod.metadata
  if (!speaksProtocol(pod) || !isWaiting(pod) || annotations[NUDGE_ANNOTATION] === annotations[GRANT_ANNOTATION])
    return undefined
  const grant = grantOf(pod)
  const isOpen = grant.kind === 'skip' || (grant.kind === 'run' && endOf(pod, grant.number).kind === 'unknown')
  // By the API server's clock, whichever of several controllers wrote it.
  const toldAt = Date.parse(managedFields.find(({ manager }) => manager === FIELD_MANAGER)?.time ?? '')
  return isOpen && !Number.isNaN(toldAt) ? toldAt + NUDGE_AFTER_MS : undefined
}

/** The annotation that has kubelet sync the pod once more. It says for which grant, so it is written once for each. */
export function nudgeFor({ metadata: { annotations } }: Pod): Record<string, string> {
  return { [NUDGE_ANNOTATION]: annotations?.[GRANT_ANNOTATION] ?? '' }
}
