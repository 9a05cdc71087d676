import type { New } from '../kube/api.ts'
import type { ConfigMap, Deployment, OwnerReference } from '../kube/objects.ts'
import { RECORD_LABEL, RECORD_MARKS } from '../names.ts'

/** The key in which a ConfigMap of migrate.io says its own UID, which no copy has: neither from a backup nor in another namespace. */
const OWN_UID = 'uid'

/** A new ConfigMap of migrate.io. @param kind the value of the label by which they are listed */
export function newConfigMap(namespace: string, name: string, kind: string): New<ConfigMap> {
  const { labels, annotations } = RECORD_MARKS
  return { metadata: { namespace, name, labels: { ...labels, [RECORD_LABEL]: kind }, annotations: { ...annotations } } }
}

/** The ConfigMap as it is to be written: with its marks, which one of an earlier version lacks, and its own UID. */
export function rewritten(configMap: ConfigMap, data: Record<string, string>): ConfigMap {
  const { metadata } = configMap
  const labels = { ...metadata.labels, ...RECORD_MARKS.labels }
  const annotations = { ...metadata.annotations, ...RECORD_MARKS.annotations }
  return { ...configMap, metadata: { ...metadata, labels, annotations }, data: { ...data, [OWN_UID]: metadata.uid } }
}

/**
 * Whether the data of a ConfigMap was written to that very object. `unknown`: by a version that did not note it.
 * @returns `copy` where it was written to another one
 */
export function originOf({ metadata, data }: ConfigMap): 'original' | 'copy' | 'unknown' {
  const uid = data?.[OWN_UID]
  if (uid === undefined) return 'unknown'
  return uid === metadata.uid ? 'original' : 'copy'
}

/** The owner reference by which Kubernetes deletes a record after its Deployment. */
export function ownedBy({ metadata }: Deployment): OwnerReference[] {
  return [{ apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name, uid: metadata.uid }]
}

/** The Deployment that owns a record. */
export function deploymentOwnerOf({ metadata }: Pick<ConfigMap, 'metadata'>): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment')
}

/**
 * Whether a record was left without an owner, as `--cascade=orphan` leaves it: the next Deployment of that name may keep what it
 * says. Backup tools take owners off as well, but what they bring back is another object.
 */
export function isOrphaned(configMap: ConfigMap): boolean {
  return deploymentOwnerOf(configMap) === undefined && originOf(configMap) === 'original'
}
