import type { Pod, ReplicaSet } from '../kube/objects.ts'
import { isWaiting, mayBeTold, speaksProtocol } from './choose.ts'
import { runningSince } from './container-end.ts'
import { mountedRecord } from './key.ts'
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
  if (!speaksProtocol(pod) || !isWaiting(pod) || revision === '' || !isCompleted(record, revision)) return undefined
  if (!isOwnedBy(pod.metadata, replicaSets) || !mayBeTold(pod)) return undefined
  if (mountedRecord(pod) === undefined) return now
  const since = Date.parse(runningSince(pod) ?? '')
  const completed = completedOf(record.entries, revision)
  const recordedAt = Date.parse(completed?.started ?? '') + (completed?.seconds ?? 0) * 1000
  // A node's clock may be wrong: a start in the future counts as long ago.
  return Number.isNaN(since) || since > now || !(since > recordedAt) ? now : since + FINDS_RECORD_MS
}
