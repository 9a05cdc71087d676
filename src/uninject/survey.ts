import type { Api } from '../kube/api.ts'
import { listInPages } from '../kube/client.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import type { Transport } from '../kube/transport.ts'
import { projectPod, projectRecord } from '../lock/pod-projection.ts'
import { PROTOCOL_LABEL, RECORD_LABEL } from '../names.ts'
import { type InjectedDeployment, readInjected } from './injected.ts'

/** The cluster, and the part of it that is meant. */
export interface Ground {
  readonly api: Api
  readonly transport: Transport
  /** Undefined: all. */
  readonly namespace: string | undefined
}

/** What is of ours outside of our own namespace, sorted by name. */
export interface Survey {
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
export async function survey(ground: Ground): Promise<Survey> {
  const { api, namespace } = ground
  const records = await api.list('ConfigMap', selectionOf(namespace, RECORD_LABEL), projectRecord)
  const injected = await findInjected(ground)
  const pods = await api.list('Pod', selectionOf(namespace, PROTOCOL_LABEL), projectPod)
  return { injected, pods, records }
}

/** Of each Deployment nothing is kept but what is known of an injected one. Throws KubeError. Permission: list on deployments. */
export async function findInjected({
  transport,
  namespace,
}: Omit<Ground, 'api'>): Promise<readonly InjectedDeployment[]> {
  const selection = namespace === undefined ? {} : { namespace }
  const { items } = await listInPages(transport, 'Deployment', { selection, project: readInjected })
  const order = ({ key }: InjectedDeployment) => `${key.namespace}/${key.deployment}`
  return items.toSorted((a, b) => order(a).localeCompare(order(b)))
}

export function selectionOf(namespace: string | undefined, labelSelector: string) {
  return { labelSelector, ...(namespace === undefined ? {} : { namespace }) }
}
