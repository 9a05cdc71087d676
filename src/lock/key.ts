import type { Metadata, Pod } from '../kube/objects.ts'
import { FILES_VOLUME, lockConfigMapName, REVISION_LABEL } from '../names.ts'

/** The Deployment controller cuts the name of a ReplicaSet to this, and keeps the revision at its end. */
const NAME_MAX_CHARACTERS = 253

/** Which lock: the unit that the controller reconciles. */
export interface Key {
  readonly namespace: string
  /** The Deployment's name. It stands for all Deployments of that name, one after the other. */
  readonly deployment: string
}

export function keyText({ namespace, deployment }: Key): string {
  return `${namespace}/${deployment}`
}

/** The opposite of `keyText`. */
export function parseKey(text: string): Key {
  const slash = text.indexOf('/')
  return { namespace: text.slice(0, slash), deployment: text.slice(slash + 1) }
}

/**
 * The lock of a pod, by its ReplicaSet's name, which is the Deployment's and the revision, or else by the ConfigMap that it
 * mounts. Undefined where both are cut off (names of more than about 230 characters): then the owner of the ReplicaSet tells.
 */
export function keyOf(pod: Pod): Key | undefined {
  const { namespace, labels, ownerReferences } = pod.metadata
  const owner = ownerReferences?.find(({ kind, controller }) => kind === 'ReplicaSet' && controller === true)
  const suffix = `-${labels?.[REVISION_LABEL] ?? ''}`
  const isWhole = owner !== undefined && owner.name.length < NAME_MAX_CHARACTERS
  if (isWhole && suffix !== '-' && owner.name.endsWith(suffix) && owner.name.length > suffix.length)
    return { namespace, deployment: owner.name.slice(0, -suffix.length) }
  const deployment = deploymentIn(mountedRecord(pod) ?? '')
  return deployment === undefined ? undefined : { namespace, deployment }
}

/** The lock of a record: by its owner, or by its own name where it has no owner and the name was not cut off. */
export function keyOfRecord({ name, namespace, ownerReferences = [] }: Metadata): Key | undefined {
  const owners = ownerReferences.filter(({ kind }) => kind === 'Deployment').map((owner) => owner.name)
  const deployment = owners.find((owner) => lockConfigMapName(owner) === name) ?? deploymentIn(name)
  return deployment === undefined ? undefined : { namespace, deployment }
}

/** The Deployment's name in that of a lock's ConfigMap; undefined where it was cut off, or it is no such name. */
function deploymentIn(configMapName: string): string | undefined {
  const deployment = /^deployment\.(.+)\.migrate-io$/.exec(configMapName)?.[1]
  return deployment !== undefined && lockConfigMapName(deployment) === configMapName ? deployment : undefined
}

/** The name of the ConfigMap that decides about this pod. */
export function recordNameOf(pod: Pod): string | undefined {
  const key = keyOf(pod)
  return mountedRecord(pod) ?? (key === undefined ? undefined : lockConfigMapName(key.deployment))
}

/** The ConfigMap that the pod's own volume names; none where its Deployment's name was made up by the API server. */
export function mountedRecord(pod: Pod): string | undefined {
  const volume = pod.spec.volumes?.find(({ name }) => name === FILES_VOLUME)
  return volume?.projected?.sources?.map(({ configMap }) => configMap?.name).find((name) => name !== undefined)
}
