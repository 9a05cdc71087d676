import type { Deployment, Metadata, OwnerReference, Pod, ReplicaSet } from '../kube/objects.ts'
import { REVISION_ANNOTATION, REVISION_LABEL } from '../names.ts'

/** The object's controller, if it is of this kind. */
export function controllerOf(metadata: Metadata, kind: string): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.kind === kind && owner.controller === true)
}

/** The revision as wrapper and record name it. */
export function revisionOfPod(pod: Pod): string {
  return pod.metadata.labels?.[REVISION_LABEL] ?? ''
}

export function isOwnedBy(metadata: Metadata, replicaSets: readonly ReplicaSet[]): boolean {
  const uid = controllerOf(metadata, 'ReplicaSet')?.uid
  return uid !== undefined && replicaSets.some((replicaSet) => replicaSet.metadata.uid === uid)
}

/**
 * The ReplicaSet that is being rolled out. Undefined while the Deployment controller has not caught up: then an older
 * one would pass for it. A paused Deployment stays at the one it had.
 * @param replicaSets those of this Deployment
 */
export function currentReplicaSet(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const { generation = 0, annotations } = deployment.metadata
  if ((deployment.status?.observedGeneration ?? -1) < generation) return undefined
  const revision = annotations?.[REVISION_ANNOTATION]
  if (revision === undefined) return undefined
  const found = replicaSets.filter(({ metadata }) => metadata.annotations?.[REVISION_ANNOTATION] === revision)
  return found.length === 1 ? found[0] : undefined
}
