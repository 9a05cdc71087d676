import type { ReplicaSet } from '../kube/objects.ts'
import { controllerOf } from '../lock/pod-state.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import type { PodFacts } from './pod-facts.ts'
import type { ReadConfigMap, Survey } from './survey.ts'

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
