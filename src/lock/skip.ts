import type { Pod, ReplicaSet } from '../kube/objects.ts'
import { isWaiting, mayBeTold, speaksProtocol } from './choose.ts'
import { grantOf } from './grant.ts'
import { mountedRecord } from './key.ts'
import { isDone, runningSince } from './pod-state.ts'
import { completedOf, isCompleted, type LockRecord } from './record.ts'
import { isOwnedBy, revisionOfPod } from './rollout.ts'

/**
 * A pod that started after the success was recorded finds the record in its volume and ends within a second; told to
 * skip, it would cost a write for nothing. One that was there before sees the record up to two minutes later.
 */
const FINDS_RECORD_MS = 3_000

/**
 * When a pod is to be told to skip; undefined where it isn't. Milliseconds since 1970, which may have passed.
 * A grant `run n` that may be running is never overwritten.
 * @param replicaSets those of the Deployment that owns the record
 */
export function skipAt(
  pod: Pod,
  record: LockRecord,
  replicaSets: readonly ReplicaSet[],
  now: number,
): number | undefined {
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
