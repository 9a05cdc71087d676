import type { Api } from '../kube/api.ts'
import type { ReplicaSet } from '../kube/objects.ts'
import type { Transport } from '../kube/transport.ts'
import { judgeHolder, type NamedState } from '../lock/named-lock.ts'
import { controllerOf } from '../lock/pod-state.ts'
import { type Holder, UNKNOWN_LOCK } from '../lock/record.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../names.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import { type PodFacts, podFacts } from './pod-facts.ts'
import type { ControllerFacts, NamedFacts, NodeFacts, Situation } from './situation.ts'
import { projectConfigMap, type ReadConfigMap, readNode, type Scope, type Survey, survey, wantedBy } from './survey.ts'

export interface Gathered {
  readonly situations: readonly Situation[]
  readonly controller: ControllerFacts
}

/**
 * Reads how migrations stand in a namespace or in all of them, of all Deployments that have to do with us. One that is
 * named is among them, if it exists, whatever it has to do with us.
 * @param now milliseconds since 1970
 * @throws KubeError
 */
export async function gather(
  cluster: { readonly transport: Transport; readonly api: Api },
  scope: Scope,
  now: number,
): Promise<Gathered> {
  const completed = await complete(cluster, await survey(cluster, scope, now))
  return { situations: situationsOf(completed, now), controller: completed.survey.controller }
}

/** The situation of each Deployment that has to do with us, by namespace and name. */
export function situationsOf({ survey, nodes }: Completed, now: number): readonly Situation[] {
  const view = viewOf(survey)
  const key = ({ deployment: { metadata } }: DeploymentFacts) => `${metadata.namespace} ${metadata.name}`
  return survey.deployments
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((facts) => situationOf(facts, view, { survey, nodes, now }))
}

function situationOf(
  facts: DeploymentFacts,
  view: View,
  { survey, nodes, now }: Completed & { readonly now: number },
): Situation {
  const { name, namespace } = facts.deployment.metadata
  const record = view.configMap(namespace, lockConfigMapName(name))
  const holder = record === undefined ? undefined : holderOf(record)
  const own = view.pods(facts)
  const found = holder === undefined ? undefined : view.pod(namespace, holder.pod)
  const isAnother = found !== undefined && !own.includes(found)
  const lock = holder?.lock === UNKNOWN_LOCK ? facts.settings.lock : (holder?.lock ?? facts.settings.lock)
  const node = found === undefined ? undefined : nodes.get(found.pod.spec.nodeName ?? '')
  return {
    facts,
    replicaSets: view.replicaSets(facts),
    pods: isAnother ? [...own, found] : own,
    configMap: record?.configMap,
    read: record?.read,
    named: lock === undefined ? undefined : namedFacts(view, lock, namespace, holder),
    namespace: survey.namespaces(namespace),
    controller: survey.controller,
    node,
    now,
  }
}

const AT_A_TIME = 8 // each may be an object of a megabyte and more

export interface Completed {
  readonly survey: Survey
  readonly nodes: ReadonlyMap<string, NodeFacts>
}

export function holderOf({ read }: Survey['configMaps'][number]): Holder | undefined {
  return read.kind === 'record' ? read.record.holder : undefined
}

/** Who decides about a named lock by its pod: its holder's own record, which would, is lost or says nothing. */
function orphanedHolder(view: View, { configMap, named: lock }: ReadConfigMap): { namespace: string; name: string }[] {
  const { namespace } = configMap.metadata
  if (lock.kind !== 'lock' || lock.holder === undefined) return []
  const own = view.configMap(namespace, lockConfigMapName(lock.holder.deployment))
  return own?.read.kind === 'record' ? [] : [{ namespace, name: lock.holder.pod }]
}

/**
 * Reads what the lists can't show: pods that hold a lock and have left phase Pending, ConfigMaps that have the name of a
 * lock and are not ours, and the nodes of runners.
 * @throws KubeError
 */
export async function complete(
  { transport, api }: { readonly transport: Transport; readonly api: Api },
  listed: Survey,
): Promise<Completed> {
  const view = viewOf(listed)
  const holders = listed.configMaps.flatMap((each) => {
    const holder = holderOf(each)
    return holder === undefined ? [] : [{ namespace: each.configMap.metadata.namespace, name: holder.pod }]
  })
  const orphaned = listed.configMaps.flatMap((one) => orphanedHolder(view, one))
  const unlisted = new Map(
    [...holders, ...orphaned]
      .filter(({ namespace, name }) => view.pod(namespace, name) === undefined)
      .map((pod) => [`${pod.namespace}/${pod.name}`, pod]),
  )
  const more = await each([...unlisted.values()], async ({ namespace, name }) => {
    const pod = await api.read('Pod', namespace, name)
    return pod === undefined ? undefined : podFacts(pod)
  })
  const pods = [...listed.pods, ...more.filter((pod) => pod !== undefined)]

  const lockless = listed.deployments
    .filter((facts) => facts.isInjected && view.pods(facts).length > 0)
    .map(({ deployment: { metadata } }) => ({ namespace: metadata.namespace, name: lockConfigMapName(metadata.name) }))
    .filter(({ namespace, name }) => view.configMap(namespace, name) === undefined)
  const wanted = wantedBy(listed.replicaSets)
  const found = await each(lockless, async ({ namespace, name }) => {
    const configMap = await api.read('ConfigMap', namespace, name)
    return configMap === undefined ? undefined : projectConfigMap(configMap, wanted)
  })
  const configMaps = [...listed.configMaps, ...found.filter((one) => one !== undefined)]

  const runners = new Set(holders.map(({ namespace, name }) => `${namespace}/${name}`))
  const names = new Set(
    pods
      .filter(({ pod: { metadata } }) => runners.has(`${metadata.namespace}/${metadata.name}`))
      .flatMap(({ pod }) => pod.spec.nodeName ?? []),
  )
  const nodes = await each(
    [...names],
    async (name): Promise<[string, NodeFacts]> => [name, await readNode(transport, name)],
  )
  return { survey: { ...listed, pods, configMaps }, nodes: new Map(nodes) }
}

/** Some at a time, in order. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += AT_A_TIME)
    results.push(...(await Promise.all(items.slice(from, from + AT_A_TIME).map(work))))
  return results
}

/** What was surveyed, to be found by name and by owner. */
export interface View {
  replicaSets(facts: DeploymentFacts): readonly ReplicaSet[]
  /** Those of the Deployment's ReplicaSets. */
  pods(facts: DeploymentFacts): readonly PodFacts[]
  pod(namespace: string, name: string): PodFacts | undefined
  configMap(namespace: string, name: string): ReadConfigMap | undefined
}

export function viewOf({ replicaSets, pods, configMaps }: Survey): View {
  const byOwner = Map.groupBy(replicaSets, ({ metadata }) => controllerOf(metadata, 'Deployment')?.uid)
  const byReplicaSet = Map.groupBy(pods, ({ pod }) => controllerOf(pod.metadata, 'ReplicaSet')?.uid)
  const byName = new Map(pods.map((each) => [`${each.pod.metadata.namespace}/${each.pod.metadata.name}`, each]))
  const maps = new Map(
    configMaps.map((each) => [`${each.configMap.metadata.namespace}/${each.configMap.metadata.name}`, each]),
  )
  const ownReplicaSets: View['replicaSets'] = ({ deployment }) => byOwner.get(deployment.metadata.uid) ?? []
  return {
    replicaSets: ownReplicaSets,
    pods: (facts) => ownReplicaSets(facts).flatMap(({ metadata }) => byReplicaSet.get(metadata.uid) ?? []),
    pod: (namespace, name) => byName.get(`${namespace}/${name}`),
    configMap: (namespace, name) => maps.get(`${namespace}/${name}`),
  }
}

/** A named lock as one Deployment sees it, by what was surveyed: the same judgement as the controller's `readNamedState`. */
export function namedFacts(view: View, lock: string, namespace: string, own: Holder | undefined): NamedFacts {
  const { configMap, named: read } = view.configMap(namespace, namedLockConfigMapName(lock)) ?? {}
  const holder = read?.kind === 'lock' ? read.holder : undefined
  const isOurs = holder !== undefined && holder.uid === own?.uid && holder.number === own.number
  const state = stateOf()
  const { deployment, pod, since } = holder ?? {}
  const isOthers = state.kind === 'busy' && !isOurs && deployment !== undefined
  return {
    lock,
    state,
    holder: isOthers && pod !== undefined && since !== undefined ? { deployment, pod, since } : undefined,
  }

  function stateOf(): NamedState {
    if (configMap === undefined || read === undefined) return { kind: 'lost', configMap: undefined, turn: 0 }
    if (read.kind === 'foreign') return { kind: 'foreign', name: configMap.metadata.name }
    if (read.kind === 'edited') return { kind: 'lost', configMap, turn: read.turn }
    if (holder === undefined) return { kind: 'free', configMap, turn: read.turn, isKeptUntil: undefined }
    if (isOurs) return { kind: 'busy', configMap, isOurs: true }
    const record = view.configMap(namespace, lockConfigMapName(holder.deployment))?.read
    const pod = view.pod(namespace, holder.pod)?.pod
    const hold = judgeHolder(holder, record, pod)
    if (hold === 'held') return { kind: 'busy', configMap, isOurs: false }
    if (hold === 'open' && pod !== undefined) return { kind: 'open', pod, number: holder.number }
    return { kind: 'free', configMap, turn: read.turn, isKeptUntil: undefined }
  }
}
