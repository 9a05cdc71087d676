import { type RecordRead, readRecord } from '../controller/record.ts'
import type { Api } from '../kube/api.ts'
import { readClusterObject } from '../kube/cluster-object.ts'
import type { ConfigMap, ReplicaSet } from '../kube/objects.ts'
import { listInPages } from '../kube/pages.ts'
import type { Transport } from '../kube/transport.ts'
import {
  INJECTION_LABEL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
  REVISION_ANNOTATION,
  REVISION_LABEL,
} from '../migration/names.ts'
import type { ControllerFacts } from './controller-facts.ts'
import { type DeploymentFacts, deploymentFacts } from './deployment-facts.ts'
import { type PodFacts, podFacts } from './pod-facts.ts'
import { readController } from './read-controller.ts'
import type { NamespaceFacts } from './situation.ts'
import { unlessForbidden } from './unless-forbidden.ts'

/** What is looked at. */
export interface Scope {
  /** Undefined: all. */
  readonly namespace: string | undefined
  /** Only this one; the others of its namespace are read all the same, since they may share a lock. */
  readonly deployment?: string | undefined
  /** For who knows it without asking: the leader itself. */
  readonly controller?: ControllerFacts | undefined
}

/** What the cluster says, each object cut down to what is needed as soon as its page is there. */
export interface Survey {
  readonly deployments: readonly DeploymentFacts[]
  readonly replicaSets: readonly ReplicaSet[]
  readonly pods: readonly PodFacts[]
  readonly configMaps: readonly ReadConfigMap[]
  readonly namespaces: (name: string) => NamespaceFacts
  readonly controller: ControllerFacts
}

/** The text of a record is read at once, with who wrote it, and not kept. */
export interface ReadConfigMap {
  readonly configMap: ConfigMap
  readonly read: RecordRead
}

/**
 * Reads all that tells how migrations stand. Needs the verb `list` on deployments, replicasets, pods and configmaps; what
 * may not be read beside them (namespaces, the Lease) is told as unseen.
 * @throws KubeError
 */
export async function survey(
  { transport, api }: { readonly transport: Transport; readonly api: Api },
  { namespace, deployment, controller: known }: Scope,
  now: number,
): Promise<Survey> {
  const within = namespace === undefined ? {} : { namespace }
  const ofOurs = { ...within, labelSelector: PROTOCOL_LABEL }
  const [deployments, replicaSets, pods, configMaps, namespaces, controller] = await Promise.all([
    listInPages(transport, 'Deployment', {
      selection: within,
      project: (full) => deploymentFacts(full, full.metadata.name === deployment),
    }),
    listInPages(transport, 'ReplicaSet', { selection: ofOurs, project: projectReplicaSet }),
    // A pod whose app runs is done with its init containers: nearly all of them.
    listInPages(transport, 'Pod', {
      selection: { ...ofOurs, fieldSelector: 'status.phase=Pending' },
      project: podFacts,
    }),
    listInPages(transport, 'ConfigMap', {
      selection: { ...within, labelSelector: RECORD_LABEL },
      project: projectConfigMap,
    }),
    readNamespaces(transport, namespace),
    known ?? readController({ transport, api }, now),
  ])
  return {
    deployments: deployments.items.filter((facts) => facts !== undefined),
    replicaSets: replicaSets.items,
    pods: pods.items,
    configMaps: configMaps.items,
    namespaces: (name) => namespaces?.get(name) ?? { kind: 'unseen' },
    controller,
  }
}

async function readNamespaces(transport: Transport, name: string | undefined) {
  const factsOf = (labels: Record<string, string> | undefined): NamespaceFacts => ({
    kind: 'seen',
    label: labels?.[INJECTION_LABEL],
  })
  return unlessForbidden(async () => {
    if (name !== undefined) {
      const found = await readClusterObject(transport, 'Namespace', name)
      return new Map(found === undefined ? [] : [[name, factsOf(found.metadata.labels)]])
    }
    const { items } = await listInPages(transport, 'Namespace', {
      selection: {},
      project: ({ metadata }) => [metadata.name, factsOf(metadata.labels)] as const,
    })
    return new Map(items)
  })
}

function projectReplicaSet({ metadata }: ReplicaSet): ReplicaSet {
  const { name, namespace, uid, resourceVersion, labels, annotations, ownerReferences = [] } = metadata
  const revision = labels?.[REVISION_LABEL]
  const rollout = annotations?.[REVISION_ANNOTATION]
  return {
    metadata: {
      ...{ name, namespace, uid, resourceVersion, ownerReferences },
      labels: revision === undefined ? {} : { [REVISION_LABEL]: revision },
      annotations: rollout === undefined ? {} : { [REVISION_ANNOTATION]: rollout },
    },
  }
}

/** Also of a named lock, which is small and read by `readNamedLock`: it is kept whole. */
export function projectConfigMap(full: ConfigMap): ReadConfigMap {
  const { managedFields: _, ...metadata } = full.metadata
  const read = readRecord(full)
  return { configMap: read.kind === 'foreign' ? full : { metadata }, read }
}
