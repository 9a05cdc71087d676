import type { Snapshot } from '../lock/snapshot.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Situation } from './situation.ts'

/** The situation as the controller's own functions take it. */
export function snapshotOf(situation: Situation, pods: readonly PodFacts[]): Snapshot {
  const { facts, configMap, read, replicaSets, named } = situation
  const { deployment, settings } = facts
  const { namespace, name } = deployment.metadata
  return {
    key: { namespace, deployment: name },
    ...{ configMap, read, deployment, replicaSets, settings },
    pods: new Map(pods.map(({ pod }) => [pod.metadata.name, { pod, isLive: true }])),
    named: named?.state,
    markedForGood: new Set(),
  }
}
