import type { Pod, ReplicaSet } from '../kube/objects.ts'
import { PROTOCOL, PROTOCOL_LABEL } from '../names.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER } from './grant.ts'
import { endOf, isRunning } from './pod-state.ts'
import { controllerOf } from './rollout.ts'

export function speaksProtocol(pod: Pod): boolean {
  return pod.metadata.labels?.[PROTOCOL_LABEL] === PROTOCOL
}

/**
 * Whether the pod's wrapper waits for its turn: a pod that is going away, whose image can't be pulled or whose earlier
 * init containers have not ended is never given the lock.
 */
export function isWaiting(pod: Pod): boolean {
  const { phase } = pod.status ?? {}
  return pod.metadata.deletionTimestamp === undefined && (phase ?? 'Pending') === 'Pending' && isRunning(pod)
}

/** Whether nothing that was said to this pod may still be running. A new sandbox starts a pod again after its run. */
export function mayBeTold(pod: Pod): boolean {
  const grant = grantOf(pod)
  if (grant.kind === 'run') return endOf(pod, grant.number).kind !== 'unknown'
  return grant.kind === 'none' || grant.kind === 'wait'
}

/** Whether this pod may be given the next run of the revision that is being rolled out. */
export function isCandidate(pod: Pod, current: ReplicaSet): boolean {
  return (
    speaksProtocol(pod) &&
    isWaiting(pod) &&
    controllerOf(pod.metadata, 'ReplicaSet')?.uid === current.metadata.uid &&
    mayBeTold(pod) &&
    decidedNumber(grantOf(pod)) < MAX_RUN_NUMBER
  )
}

/** The pod that is next: the oldest, by name where they are of the same second. */
export function choose(pods: readonly Pod[], current: ReplicaSet): Pod | undefined {
  const age = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0
  return pods
    .filter((pod) => isCandidate(pod, current))
    .toSorted((a, b) => age(a) - age(b) || (a.metadata.name < b.metadata.name ? -1 : 1))[0]
}
