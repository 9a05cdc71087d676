import type { ConfigMap, Pod, ReplicaSet } from '../kube/objects.ts'
import { lockConfigMapName } from '../names.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER, marksOff } from './grant.ts'
import type { Key } from './key.ts'
import { recordNameOf } from './key.ts'
import { endOf, hasStarted, isDone, isOwnedBy, revisionOfPod, spokenNumber, succeededRun } from './pod-state.ts'

/** What the pods tell of a lock whose ConfigMap is lost. */
export interface Fence {
  /** Above every number that any of the pods was ever given. */
  readonly number: number
  /** To be told `wait <number>`: a controller that chose one of them before the loss can then not grant it any more. */
  readonly toTell: readonly Pod[]
  /** Done, and still marked for the autoscalers. */
  readonly marked: readonly Pod[]
  /** Those that may be running. */
  readonly running: readonly Pod[]
  /** Of the present Deployment: their success was recorded, or was about to be. */
  readonly succeeded: readonly Pod[]
}

/** Whether a pod, of whichever Deployment of that name, is decided about by this lock. */
export function isOfLock(pod: Pod, { namespace, deployment }: Key, replicaSets: readonly ReplicaSet[]): boolean {
  if (pod.metadata.namespace !== namespace) return false
  return recordNameOf(pod) === lockConfigMapName(deployment) || isOwnedBy(pod.metadata, replicaSets)
}

/**
 * What a pod must be told before its lock is made anew. None that never started was ever chosen by anybody, and one that
 * is done has changed since it was chosen, so that its grant meets a conflict. A `run n` that a done pod has not used
 * could still be used in a new sandbox.
 */
export function fenceStateOf(pod: Pod): 'running' | 'tell' | 'leave' {
  const grant = grantOf(pod)
  const isIdle = isDone(pod) || !hasStarted(pod)
  if (grant.kind !== 'run') return grant.kind === 'skip' || isIdle ? 'leave' : 'tell'
  const { kind } = endOf(pod, grant.number)
  if (kind === 'unknown') return 'running'
  return kind === 'success' && isIdle ? 'leave' : 'tell'
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
  const { number = '' } = unsettled.data ?? {}
  const written = /^\d{1,15}$/.test(number) ? Number(number) : 0
  const seen = Math.max(0, ...pods.map((pod) => Math.max(decidedNumber(grantOf(pod)), spokenNumber(pod))))
  const toTell = pods.filter((pod) => fenceStateOf(pod) === 'tell')
  // Above what was edited too: the same text would still count as written by somebody else.
  const rises = toTell.length > 0 || number !== ''
  return {
    number: Math.min(Math.max(seen, written) + (rises ? 1 : 0), MAX_RUN_NUMBER),
    toTell,
    marked: pods.filter((pod) => fenceStateOf(pod) === 'leave' && Object.keys(marksOff(pod)).length > 0),
    running,
    succeeded,
  }
}
