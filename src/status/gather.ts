import type { ReplicaSet } from '../kube/objects.ts'
import { judgeHolder, type NamedState } from '../lock/named-lock.ts'
import { controllerOf } from '../lock/pod-state.ts'
import { type Holder, UNKNOWN_LOCK } from '../lock/record.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../names.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import { type PodFacts, podFacts } from './pod-facts.ts'
import type { ControllerFacts, NamedFacts, NodeFacts, Situation } from './situation.ts'
import {
  type Cluster,
  projectConfigMap,
  type ReadConfigMap,
  readNode,
  type Scope,
  type Survey,
  survey,
  wantedBy,
} from './survey.ts'

const AT_A_TIME = 8 // each may be an object of a megabyte and more

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
export async function gather(cluster: Cluster, scope: Scope, now: number): Promise<Gathered> {
  const completed = await complete(cluster, await survey(cluster, scope, now))
  return { situations: situationsOf(completed, now), controller: completed.survey.controller }
}

interface CompleteSurvey {
  readonly survey: Survey
  readonly nodes: ReadonlyMap<string, NodeFacts>
}

/**
 * Reads what the lists can't show: pods that hold a lock and have left phase Pending, ConfigMaps that have the name of a
 * lock and are not ours, and the nodes of runners.
 * @throws KubeError
 */
async function complete({ transport, api }: Cluster, listed: Survey): Promise<CompleteSurvey> {
  const index = indexOf(listed)
  const holders = listed.configMaps.flatMap((each) => {
    const holder = holderOf(each)
    return holder === undefined ? [] : [{ namespace: each.configMap.metadata.namespace, name: holder.pod }]
  })
  const orphaned = listed.configMaps.flatMap((one) => orphanedHolder(index, one))
  const unlisted = new Map(
    [...holders, ...orphaned]
      .filter(({ namespace, name }) => index.pod(namespace, name) === undefined)
      .map((pod) => [`${pod.namespace}/${pod.name}`, pod]),
  )
  const more = await each([...unlisted.values()], async ({ namespace, name }) => {
    const pod = await api.read('Pod', namespace, name)
    return pod === undefined ? undefined : podFacts(pod)
  })
  const pods = [...listed.pods, ...more.filter((pod) => pod !== undefined)]

  const lockless = listed.deployments
    .filter((facts) => facts.isInjected && index.pods(facts).length > 0)
    .map(({ deployment: { metadata } }) => ({ namespace: metadata.namespace, name: lockConfigMapName(metadata.name) }))
    .filter(({ namespace, name }) => index.configMap(namespace, name) === undefined)
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

/** Who decides about a named lock by its pod: its holder's own record, which would, is lost or says nothing. */
function orphanedHolder(
  index: SurveyIndex,
  { configMap, named: lock }: ReadConfigMap,
): { namespace: string; name: string }[] {
  const { namespace } = configMap.metadata
  if (lock.kind !== 'lock' || lock.holder === undefined) return []
  const own = index.configMap(namespace, lockConfigMapName(lock.holder.deployment))
  return own?.read.kind === 'record' ? [] : [{ namespace, name: lock.holder.pod }]
}

function holderOf({ read }: Survey['configMaps'][number]): Holder | undefined {
  return read.kind === 'record' ? read.record.holder : undefined
}

/** Some at a time, in order. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < items.length; from += AT_A_TIME)
    results.push(...(await Promise.all(items.slice(from, from + AT_A_TIME).map(work))))
  return results
}

/** The situation of each Deployment that has to do with us, by namespace and name. */
function situationsOf({ survey, nodes }: CompleteSurvey, now: number): readonly Situation[] {
  const index = indexOf(survey)
  const key = ({ deployment: { metadata } }: DeploymentFacts) => `${metadata.namespace} ${metadata.name}`
  return survey.deployments
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .map((facts) => situationOf(facts, index, { survey, nodes, now }))
}

function situationOf(
  facts: DeploymentFacts,
  index: SurveyIndex,
  { survey, nodes, now }: CompleteSurvey & { readonly now: number },
): Situation {
  const { name, namespace } = facts.deployment.metadata
  const record = index.configMap(namespace, lockConfigMapName(name))
  const holder = record === undefined ? undefined : holderOf(record)
  const own = index.pods(facts)
  const found = holder === undefined ? undefined : index.pod(namespace, holder.pod)
  const isAnother = found !== undefined && !own.includes(found)
  const lock = holder?.lock === UNKNOWN_LOCK ? facts.settings.lock : (holder?.lock ?? facts.settings.lock)
  const node = found === undefined ? undefined : nodes.get(found.pod.spec.nodeName ?? '')
  return {
    facts,
    replicaSets: index.replicaSets(facts),
    pods: isAnother ? [...own, found] : own,
    configMap: record?.configMap,
    read: record?.read,
    named: lock === undefined ? undefined : namedFacts(index, lock, namespace, holder),
    namespace: survey.namespaces(namespace),
    controller: survey.controller,
    node,
    now,
  }
}

/** A named lock as one Deployment sees it, by what was surveyed: the same judgement as `readNamedState` of src/lock/named-lock.ts. */
function namedFacts(index: SurveyIndex, lock: string, namespace: string, own: Holder | undefined): NamedFacts {
  const { configMap, named: read } = index.configMap(namespace, namedLockConfigMapName(lock)) ?? {}
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
    const record = index.configMap(namespace, lockConfigMapName(holder.deployment))?.read
    const pod = index.pod(namespace, holder.pod)?.pod
    const hold = judgeHolder(holder, record, pod)
    if (hold === 'held') return { kind: 'busy', configMap, isOurs: false }
    if (hold === 'open' && pod !== undefined) return { kind: 'open', pod, number: holder.number }
    return { kind: 'free', configMap, turn: read.turn, isKeptUntil: undefined }
  }
}

/** What was surveyed, to be found by name and by owner. */
interface SurveyIndex {
  replicaSets(facts: DeploymentFacts): readonly ReplicaSet[]
  /** Those of the Deployment's ReplicaSets. */
  pods(facts: DeploymentFacts): readonly PodFacts[]
  pod(namespace: string, name: string): PodFacts | undefined
  configMap(namespace: string, name: string): ReadConfigMap | undefined
}

function indexOf({ replicaSets, pods, configMaps }: Survey): SurveyIndex {
  const byOwner = Map.groupBy(replicaSets, ({ metadata }) => controllerOf(metadata, 'Deployment')?.uid)
  const byReplicaSet = Map.groupBy(pods, ({ pod }) => controllerOf(pod.metadata, 'ReplicaSet')?.uid)
  const byName = new Map(pods.map((each) => [`${each.pod.metadata.namespace}/${each.pod.metadata.name}`, each]))
  const maps = new Map(
    configMaps.map((each) => [`${each.configMap.metadata.namespace}/${each.configMap.metadata.name}`, each]),
  )
  const ownReplicaSets: SurveyIndex['replicaSets'] = ({ deployment }) => byOwner.get(deployment.metadata.uid) ?? []
  return {
    replicaSets: ownReplicaSets,
    pods: (facts) => ownReplicaSets(facts).flatMap(({ metadata }) => byReplicaSet.get(metadata.uid) ?? []),
    pod: (namespace, name) => byName.get(`${namespace}/${name}`),
    configMap: (namespace, name) => maps.get(`${namespace}/${name}`),
  }
}
