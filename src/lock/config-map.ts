import type { New } from '../kube/api.ts'
import type { ConfigMap, Deployment } from '../kube/objects.ts'
import { RECORD_LABEL, RECORD_MARKS } from '../names.ts'

/** The owner reference by which Kubernetes deletes a record after its Deployment. */
export function ownedBy({ metadata }: Deployment) {
  return [{ apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid }]
}

/** A ConfigMap of ours. @param kind the value of the label by which they are found */
export function newConfigMap(namespace: string, name: string, kind: string): New<ConfigMap> {
  const { labels, annotations } = RECORD_MARKS
  return { metadata: { namespace, name, labels: { ...labels, [RECORD_LABEL]: kind }, annotations: { ...annotations } } }
}

/** The key in which a ConfigMap of ours says its own UID, which no copy has: not one from a backup, nor of another namespace. */
const OWN_UID = 'uid'

/** A ConfigMap of ours as it is to be written: with its marks, which one of an earlier version lacks, and its own UID. */
export function rewritten(configMap: ConfigMap, data: Record<string, string>): ConfigMap {
  const { metadata } = configMap
  const labels = { ...metadata.labels, ...RECORD_MARKS.labels }
  const annotations = { ...metadata.annotations, ...RECORD_MARKS.annotations }
  return { ...configMap, metadata: { ...metadata, labels, annotations }, data: { ...data, [OWN_UID]: metadata.uid } }
}

/**
 * Whether what a ConfigMap says was written to that very object. `unknown`: by a version that did not note it.
 * @returns `copy` where it was written to another one
 */
export function originOf({ metadata, data }: ConfigMap): 'original' | 'copy' | 'unknown' {
  const uid = data?.[OWN_UID]
  if (uid === undefined) return 'unknown'
  return uid === metadata.uid ? 'original' : 'copy'
}
