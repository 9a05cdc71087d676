import type { Pod } from '../kube/objects.ts'
import { marksOff } from './autoscalers.ts'
import { isCandidate } from './choose.ts'
import { type Clock, LOOK_AGAIN_MS } from './clock.ts'
import type { Decision, Stored } from './decision.ts'
import type { ControllerEvent } from './event.ts'
import { decisionOn, grantOf } from './grant.ts'
import { type End, endOf } from './pod-state.ts'
import { type Holder, isCompleted } from './record.ts'
import { currentReplicaSet } from './rollout.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * The lock is held: goes on where whoever took it left off. The holder is removed only when its number can't be used
 * any more: it was used and that is over, or the pod is gone, or it was decided on the pod that it never may.
 *
 * | end of run n            | `run n`           | open              | never    |
 * | ----------------------- | ----------------- | ----------------- | -------- |
 * | success                 | record            | record            | record   |
 * | failure                 | settle            | settle            | count it |
 * | interrupted, unrecorded | settle            | settle            | release  |
 * | unknown                 | wait              | grant, or settle  | release  |
 */
export function decideHeld(snapshot: Snapshot, stored: Stored, holder: Holder, clock: Clock): Decision {
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
    if (decision === 'open') return decideOpen(snapshot, stored, holder, { pod, now: clock.now })
    if (decision === 'run') return { kind: 'wait', why: 'running', until: clock.now + LOOK_AGAIN_MS }
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
      return { kind: 'rebuild-named', lock }
    case 'open':
      return { kind: 'settle', pod: named.pod, number: named.number, of: 'named' }
    case 'foreign':
      return { kind: 'blocked', reason: 'foreign-configmap', object: named.name, until: now + LOOK_AGAIN_MS }
    case 'busy':
      return named.isOurs ? grant : { kind: 'wait', why: 'lock-busy', until: now + LOOK_AGAIN_MS, lock }
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
