import type { New, Version } from '../kube/api.ts'
import type { ConfigMap, Deployment, Metadata } from '../kube/objects.ts'
import { RECORD_LABEL } from '../migration/names.ts'

/** The state in which an object was read. */
export function versionOf({ namespace, name, uid, resourceVersion }: Metadata): Version {
  return { namespace, name, uid, resourceVersion }
}

/** The owner reference by which Kubernetes deletes a record after its Deployment. */
export function ownedBy({ metadata }: Deployment) {
  return [{ apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid }]
}

/** A ConfigMap of ours. @param kind the value of the label by which they are found */
export function newConfigMap(namespace: string, name: string, kind: string): New<ConfigMap> {
  return { metadata: { namespace, name, labels: { [RECORD_LABEL]: kind } } }
}
