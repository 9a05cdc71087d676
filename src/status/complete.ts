import type { Api } from '../kube/api.ts'
import type { Transport } from '../kube/transport.ts'
import type { Holder } from '../lock/record.ts'
import { lockConfigMapName } from '../names.ts'
import type { NodeFacts } from './node-facts.ts'
import { podFacts } from './pod-facts.ts'
import { readNode } from './read-node.ts'
import { projectConfigMap, type ReadConfigMap, type Survey, wantedBy } from './survey.ts'
import { type View, viewOf } from './view.ts'

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
