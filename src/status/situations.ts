import { UNKNOWN_LOCK } from '../lock/record.ts'
import { lockConfigMapName } from '../names.ts'
import { type Completed, holderOf } from './complete.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import { namedFacts } from './named.ts'
import type { Situation } from './situation.ts'
import { type View, viewOf } from './view.ts'

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
