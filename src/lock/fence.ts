import type { ConfigMap, Pod, ReplicaSet } from '../kube/objects.ts'
import { lockConfigMapName } from '../names.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER, marksOff } from './grant.ts'
import { type Key, recordNameOf } from './key.ts'
import { endOf, hasStarted, highestNumberOf, isDone, isOwnedBy, revisionOfPod, succeededRun } from './pod-state.ts'
import { parseCount } from './record.ts'

/**
 * What the pods tell of a lock whose ConfigMap is lost or was edited, and which of them must be fenced off before it is
 * written again.
 */
export interface Fence {
  /** Above every number that any of the pods was ever given. */
  readonly number: number
  /** To be told `wait <number>`: a controller that chose one of them before the loss can then not grant it any more. */
  readonly undecided: readonly Pod[]
  /** Done, and still marked for the autoscalers. */
  readonly marked: readonly Pod[]
  /** Those that may be running. */
  readonly running: readonly Pod[]
  /** Of the present Deployment: their success was recorded, or was about to be. */
  readonly succeeded: readonly Pod[]
}

/**
 * @param pods all of this lock, in any phase, listed after the ConfigMap was found blank or edited
 * @param replicaSets of the present Deployment
 * @param unsettled the ConfigMap as it was found
 */
export function planFence(pods: readonly Pod[], replicaSets: readonly ReplicaSet[], unsettled: ConfigMap): Fence {
  const running = pods
    .filter((pod) => fenceStateOf(pod) === 'running')
    .toSorted((a, b) => decidedNumber(grantOf(b)) - decidedNumber(grantOf(a)))
  // A revision that was given a run again, since its record was taken away, is not recorded until that succeeds.
  const unfinished = new Set(running.map(revisionOfPod))
  const succeeded = pods.filter(
    (pod) =>
      isOwnedBy(pod.metadata, replicaSets) && succeededRun(pod) !== undefined && !unfinished.has(revisionOfPod(pod)),
  )
  const { number: written } = unsettled.data ?? {}
  const highest = Math.max(parseCount(written) ?? 0, ...pods.map(highestNumberOf))
  const undecided = pods.filter((pod) => fenceStateOf(pod) === 'undecided')
  // Above what was edited too: the same text would still count as written by another writer.
  const rises = undecided.length > 0 || (written ?? '') !== ''
  return {
    number: Math.min(highest + (rises ? 1 : 0), MAX_RUN_NUMBER),
    undecided,
    marked: pods.filter((pod) => fenceStateOf(pod) === 'settled' && Object.keys(marksOff(pod)).length > 0),
    running,
    succeeded,
  }
}

/**
 * What is to be done about a pod while its lock is recovered:
 * - running: it may be running, so it holds the lock
 * - undecided: it must be told to wait, so that no controller can grant it what it gave out before
 * - settled: nothing. One that never started was never chosen; one that is done has changed since it was chosen, so a grant
 *   meets a conflict.
 * A `run n` that a done pod has not used could still be used in a new sandbox.
 */
export function fenceStateOf(pod: Pod): 'running' | 'undecided' | 'settled' {
  const grant = grantOf(pod)
  const isIdle = isDone(pod) || !hasStarted(pod)
  if (grant.kind !== 'run') return grant.kind === 'skip' || isIdle ? 'settled' : 'undecided'
  const { kind } = endOf(pod, grant.number)
  if (kind === 'unknown') return 'running'
  return kind === 'success' && isIdle ? 'settled' : 'undecided'
}

/** Whether a pod, of any Deployment of that name, is decided about by this lock. */
export function isOfLock(pod: Pod, { namespace, deployment }: Key, replicaSets: readonly ReplicaSet[]): boolean {
  if (pod.metadata.namespace !== namespace) return false
  return recordNameOf(pod) === lockConfigMapName(deployment) || isOwnedBy(pod.metadata, replicaSets)
}
