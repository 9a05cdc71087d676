import { type Api, KubeError, type Selection } from '../kube/api.ts'
import { readClusterObject } from '../kube/calls.ts'
import { listInPages } from '../kube/client.ts'
import type { ConfigMap, ReplicaSet } from '../kube/objects.ts'
import type { Transport } from '../kube/transport.ts'
import { createWebhookConfigurations } from '../kube/webhook-configuration.ts'
import { type NamedRead, readNamedLock } from '../lock/named-lock.ts'
import { cut, projectRecord, projectReplicaSet } from '../lock/pod-projection.ts'
import { controllerOf } from '../lock/pod-state.ts'
import { entriesOf, type RecordRead, readRecord, revisionOf } from '../lock/record.ts'
import {
  INJECTION_LABEL,
  LEADER_LEASE,
  lockConfigMapName,
  NAMESPACE,
  PROTOCOL_LABEL,
  RECORD_LABEL,
  REVISION_LABEL,
  WEBHOOK_CONFIGURATION,
} from '../names.ts'
import { type DeploymentFacts, deploymentFacts } from './deployment-facts.ts'
import { type PodFacts, podFacts } from './pod-facts.ts'
import { type ControllerFacts, controllerFacts, type NamespaceFacts, type NodeFacts, nodeFacts } from './situation.ts'

/** Ours take some 300. */
const ENTRY_MAX_CHARACTERS = 1_024

/** A connection to a cluster. */
export interface Cluster {
  readonly transport: Transport
  readonly api: Api
}

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

/** The text of a record or a named lock is read at once, with who wrote it, and not kept. */
export interface ReadConfigMap {
  /** Which one it is, and whose. */
  readonly configMap: ConfigMap
  readonly read: RecordRead
  readonly named: NamedRead
}

/** The revisions of which a record's entries are needed: those that have ReplicaSets. */
type Wanted = (namespace: string, record: string) => ReadonlySet<string>

/**
 * Reads all that tells how migrations stand. Needs the verb `list` on deployments, replicasets, pods and configmaps; what
 * may not be read beside them (namespaces, the Lease) is told as unseen.
 * @throws KubeError
 */
export async function survey(
  { transport, api }: Cluster,
  { namespace, deployment, controller: known }: Scope,
  now: number,
): Promise<Survey> {
  const within = namespace === undefined ? {} : { namespace }
  const ofOurs = { ...within, labelSelector: PROTOCOL_LABEL }
  const [deployments, { replicaSets, configMaps }, pods, namespaces, controller] = await Promise.all([
    listInPages(transport, 'Deployment', {
      selection: within,
      project: (full) => deploymentFacts(full, full.metadata.name === deployment),
    }),
    readRecords(transport, { ofOurs, records: { ...within, labelSelector: RECORD_LABEL } }),
    // A pod whose app runs is done with its init containers: nearly all of them.
    listInPages(transport, 'Pod', {
      selection: { ...ofOurs, fieldSelector: 'status.phase=Pending' },
      project: podFacts,
    }),
    readNamespaces(transport, namespace),
    known ?? readController({ transport, api }, now),
  ])
  return {
    deployments: deployments.items,
    replicaSets,
    pods: pods.items,
    configMaps,
    namespaces: (name) => namespaces?.get(name) ?? { kind: 'unseen' },
    controller,
  }
}

/** The ReplicaSets first: they tell which entries of a record count. */
async function readRecords(
  transport: Transport,
  { ofOurs, records }: { readonly ofOurs: Selection; readonly records: Selection },
) {
  const { items: replicaSets } = await listInPages(transport, 'ReplicaSet', {
    selection: ofOurs,
    project: projectReplicaSet,
  })
  const wanted = wantedBy(replicaSets)
  const { items: configMaps } = await listInPages(transport, 'ConfigMap', {
    selection: records,
    project: (full) => projectConfigMap(full, wanted),
  })
  return { replicaSets, configMaps }
}

export function wantedBy(replicaSets: readonly ReplicaSet[]): Wanted {
  const revisions = new Map<string, Set<string>>()
  for (const { metadata } of replicaSets) {
    const owner = controllerOf(metadata, 'Deployment')
    if (owner === undefined) continue
    const record = `${metadata.namespace}/${lockConfigMapName(owner.name)}`
    revisions.set(record, (revisions.get(record) ?? new Set()).add(metadata.labels?.[REVISION_LABEL] ?? ''))
  }
  return (namespace, record) => revisions.get(`${namespace}/${record}`) ?? new Set()
}

/** Of a record, the entries that may be as large and as many as an editor likes are kept where they count, and not whole. */
export function projectConfigMap(full: ConfigMap, wanted: Wanted): ReadConfigMap {
  const { namespace, name } = full.metadata
  const read = readRecord(full)
  return {
    configMap: projectRecord(full),
    read: withEntries(read, wanted(namespace, name)),
    named: readNamedLock(full),
  }
}

function withEntries(read: RecordRead, revisions: ReadonlySet<string>): RecordRead {
  const entries = Object.fromEntries(
    Object.entries(entriesOf(read))
      .filter(([key]) => revisions.has(revisionOf(key)))
      .map(([key, text]) => [key, cut(text, ENTRY_MAX_CHARACTERS)]),
  )
  if (read.kind === 'foreign') return read
  return read.kind === 'edited' ? { ...read, entries } : { ...read, record: { ...read.record, entries } }
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

/**
 * Reads whether a controller is at work. Where none leads in the usual namespace, migrate.io may be installed in another,
 * which the webhook configuration names. Who may not read that is told of an absence only where the Lease is there, which
 * is installed with the rest.
 * @param now milliseconds since 1970
 * @returns `unseen` where what would tell may not be read
 * @throws KubeError
 */
export async function readController({ transport, api }: Cluster, now: number): Promise<ControllerFacts> {
  const factsIn = async (namespace: string) => {
    const read = async () => ({ lease: await api.read('Lease', namespace, LEADER_LEASE) })
    const answer = await unlessForbidden(read)
    return answer && { isThere: answer.lease !== undefined, facts: controllerFacts(answer.lease, namespace, now) }
  }
  const usual = await factsIn(NAMESPACE)
  if (usual?.facts.kind === 'leading') return usual.facts
  const installed = await unlessForbidden(async () => ({ namespace: await installedNamespace(transport) }))
  if (installed === undefined) return usual?.isThere === true ? usual.facts : { kind: 'unseen' }
  const { namespace = NAMESPACE } = installed
  const found = namespace === NAMESPACE ? usual : await factsIn(namespace)
  return found?.facts ?? { kind: 'unseen' }
}

/** Undefined where there is no webhook, or it is no Service of the cluster. */
async function installedNamespace(transport: Transport): Promise<string | undefined> {
  const configuration = await createWebhookConfigurations(transport).read(WEBHOOK_CONFIGURATION)
  return configuration?.webhooks?.[0]?.clientConfig.service?.namespace
}

/** @returns `unseen` where it may not be read. Throws KubeError. */
export async function readNode(transport: Transport, name: string): Promise<NodeFacts> {
  const facts = await unlessForbidden(async () => nodeFacts(await readClusterObject(transport, 'Node', name)))
  return facts ?? { kind: 'unseen' }
}

/** @returns undefined where a permission is missing without which the rest is still worth telling */
async function unlessForbidden<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof KubeError && error.code === 'forbidden') return undefined
    throw error
  }
}
