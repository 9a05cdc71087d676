import type { Api } from '../kube/api.ts'
import { removeObject } from '../kube/calls.ts'
import { listInPages } from '../kube/client.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import type { Transport } from '../kube/transport.ts'
import { recordNameOf } from '../lock/key.ts'
import { projectPod, projectRecord } from '../lock/pod-projection.ts'
import { DEPLOYMENT_RECORD, lockConfigMapName, NAMED_LOCK_RECORD, PROTOCOL_LABEL, RECORD_LABEL } from '../names.ts'
import { type InjectedDeployment, mayRun, readInjected } from './injected.ts'

const NAMES: Readonly<Record<string, RegExp>> = {
  [DEPLOYMENT_RECORD]: /^deployment\..+\.migrate-io$/,
  [NAMED_LOCK_RECORD]: /^lock\..+\.migrate-io$/,
}

/** The cluster, and the part of it that is meant. */
export interface UninjectTarget {
  readonly api: Api
  readonly transport: Transport
  /** Undefined: all. */
  readonly namespace: string | undefined
}

/** What is of ours outside of our own namespace, sorted by name. */
export interface Inventory {
  readonly injected: readonly InjectedDeployment[]
  /** Those with our label. */
  readonly pods: readonly Pod[]
  /** Without their content. */
  readonly records: readonly ConfigMap[]
}

/**
 * Looks at everything: the records first, so that whoever needs one by now is seen after it. Throws KubeError.
 * Permissions: list on deployments, pods and configmaps.
 */
export async function takeInventory(target: UninjectTarget): Promise<Inventory> {
  const { api, namespace } = target
  const records = await api.list('ConfigMap', selectionOf(namespace, RECORD_LABEL), projectRecord)
  const injected = await findInjected(target)
  const pods = await api.list('Pod', selectionOf(namespace, PROTOCOL_LABEL), projectPod)
  return { injected, pods, records }
}

/** Of each Deployment nothing is kept but what is known of an injected one. Throws KubeError. Permission: list on deployments. */
export async function findInjected({
  transport,
  namespace,
}: Omit<UninjectTarget, 'api'>): Promise<readonly InjectedDeployment[]> {
  const selection = namespace === undefined ? {} : { namespace }
  const { items } = await listInPages(transport, 'Deployment', { selection, project: readInjected })
  const order = ({ key }: InjectedDeployment) => `${key.namespace}/${key.deployment}`
  return items.toSorted((a, b) => order(a).localeCompare(order(b)))
}

/** What may still need a record. All of the same namespaces, and read after the records. */
interface Users {
  readonly injected: readonly InjectedDeployment[]
  /** Those with our label. */
  readonly pods: readonly Pod[]
}

/**
 * The ConfigMaps of ours that nothing will read again. A Deployment's own goes when the Deployment is not injected any more
 * and the last pod of a time when it was has gone; a named lock when that holds for its whole namespace.
 */
export function unusedRecords(records: readonly ConfigMap[], { injected, pods }: Users): readonly ConfigMap[] {
  const used = new Set<string>()
  const use = (namespace: string, record: string | undefined) => used.add(namespace).add(`${namespace}/${record}`)
  for (const { key } of injected) use(key.namespace, lockConfigMapName(key.deployment))
  for (const pod of pods.filter(mayRun)) use(pod.metadata.namespace, recordNameOf(pod))
  return records.filter(({ metadata: { namespace, name, labels } }) => {
    const kind = labels?.[RECORD_LABEL] ?? ''
    if (NAMES[kind]?.test(name) !== true) return false
    return !used.has(kind === NAMED_LOCK_RECORD ? namespace : `${namespace}/${name}`)
  })
}

/**
 * Deletes the ConfigMaps of ours that nothing will read again, each only if it is as it was before the look at who may need
 * it. @returns how many. Throws KubeError. Permissions: those of `takeInventory`, and delete on configmaps.
 */
export async function sweep(target: UninjectTarget): Promise<number> {
  const seen = await takeInventory(target)
  let count = 0
  for (const { metadata } of unusedRecords(seen.records, seen)) {
    const { uid, resourceVersion } = metadata
    if (await removeObject(target.transport, 'ConfigMap', metadata, { preconditions: { uid, resourceVersion } }))
      count++
  }
  return count
}

export function selectionOf(namespace: string | undefined, labelSelector: string) {
  return { labelSelector, ...(namespace === undefined ? {} : { namespace }) }
}
