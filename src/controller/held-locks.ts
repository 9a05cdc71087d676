import type { Api } from '../kube/api.ts'
import type { ConfigMap } from '../kube/objects.ts'
import type { Key } from '../lock/key.ts'
import { readRecord } from '../lock/record.ts'
import { DEPLOYMENT_RECORD, lockConfigMapName, RECORD_LABEL } from '../names.ts'

/**
 * Locks that somebody holds, or may hold: to be looked at when a controller begins, since the runner may have ended while
 * nobody watched.
 * @throws KubeError
 */
export async function heldLocks(api: Api): Promise<readonly Key[]> {
  return await api.list('ConfigMap', { labelSelector: `${RECORD_LABEL}=${DEPLOYMENT_RECORD}` }, (configMap) =>
    isHeld(configMap) ? keyOfRecord(configMap) : undefined,
  )
}

function isHeld(configMap: ConfigMap): boolean {
  const read = readRecord(configMap)
  return read.kind === 'record' ? read.record.holder !== undefined : read.kind === 'edited'
}

/** Whose lock a ConfigMap is: by its owner, or by its own name where nobody owns it and the name was not cut off. */
function keyOfRecord({ metadata }: ConfigMap): Key | undefined {
  const { name, namespace, ownerReferences = [] } = metadata
  const candidates = [
    ...ownerReferences.filter(({ kind }) => kind === 'Deployment').map((owner) => owner.name),
    /^deployment\.(.+)\.migrate-io$/.exec(name)?.[1],
  ]
  const deployment = candidates.find((each) => each !== undefined && lockConfigMapName(each) === name)
  return deployment === undefined ? undefined : { namespace, deployment }
}
