import type { ConfigMap, ContainerStatus, Deployment, Pod } from '../../../src/kube/objects.ts'
import { type LockRecord, readRecord } from '../../../src/lock/record.ts'
import { INIT_CONTAINER } from '../../../src/names.ts'
import type { DeploymentFacts } from '../../../src/status/deployment-facts.ts'
import { podFacts } from '../../../src/status/pod-facts.ts'
import type { NamedFacts, Situation } from '../../../src/status/situation.ts'
import { configMapOf, deploymentOf, NOW, podOf, replicaSetOf } from '../controller/objects.ts'

interface Changes {
  readonly record?: Partial<LockRecord>
  /** Instead of a record. */
  readonly configMap?: ConfigMap | undefined
  readonly pods?: readonly Pod[]
  readonly facts?: Partial<DeploymentFacts>
  readonly spec?: Deployment['spec']
  readonly named?: NamedFacts
  readonly situation?: Partial<Situation>
}

/** Deployment web of namespace shop, injected, of revision a, with what the test changes. */
export function situation(changes: Changes = {}): Situation {
  const { record, pods = [], facts = {}, spec = {}, named } = changes
  const configMap = 'configMap' in changes ? changes.configMap : configMapOf(record)
  const deployment = deploymentOf()
  return {
    facts: {
      deployment: { ...deployment, spec: { ...deployment.spec, ...spec } },
      isInjected: true,
      hasCommand: true,
      settings: named === undefined ? {} : { lock: named.lock },
      faults: [],
      available: 2,
      isRolledOut: false,
      isPastDeadline: false,
      replicaFailure: undefined,
      ...facts,
    },
    replicaSets: [replicaSetOf()],
    pods: pods.map(podFacts),
    configMap,
    read: configMap === undefined ? undefined : readRecord(configMap),
    named,
    namespace: { kind: 'seen', label: 'enabled' },
    controller: { kind: 'leading', leader: 'migrate-io-controller-1', namespace: 'migrate-io' },
    node: undefined,
    now: NOW,
    ...changes.situation,
  }
}

/** A pod whose wrapper is in this state, as kubelet writes it. */
export function podWith(status: Partial<ContainerStatus>, ...before: readonly ContainerStatus[]): Pod {
  const pod = podOf()
  const ours = { name: INIT_CONTAINER, image: 'app:1', restartCount: 0, ...status }
  return { ...pod, status: { ...pod.status, initContainerStatuses: [...before, ours] } }
}

/** The same pod on a node. */
export function onNode(pod: Pod, nodeName = 'node-1'): Pod {
  return { ...pod, spec: { ...pod.spec, nodeName } }
}

export { NOW } from '../controller/objects.ts'

export function at(secondsFromNow: number): string {
  return new Date(NOW + secondsFromNow * 1000).toISOString()
}
