import type { ConfigMap, ReplicaSet } from '../kube/objects.ts'
import type { NamedState } from '../lock/named-lock.ts'
import type { RecordRead } from '../lock/record.ts'
import type { ControllerFacts } from './controller-facts.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import type { NodeFacts } from './node-facts.ts'
import type { PodFacts } from './pod-facts.ts'

/** The label migrate.io/injection of a namespace; `unseen`: the namespace may not be read. */
export type NamespaceFacts = { readonly kind: 'seen'; readonly label: string | undefined } | { readonly kind: 'unseen' }

/** Who has the named lock that a Deployment needs. */
export interface NamedFacts {
  readonly lock: string
  readonly state: NamedState
  /** Where another Deployment has it. */
  readonly holder: { readonly deployment: string; readonly pod: string; readonly since: string } | undefined
}

/** All that is known about one Deployment at one moment. */
export interface Situation {
  readonly facts: DeploymentFacts
  /** The Deployment's own. */
  readonly replicaSets: readonly ReplicaSet[]
  /** Its pods in phase Pending, and the one that holds the lock in whichever phase. */
  readonly pods: readonly PodFacts[]
  readonly configMap: ConfigMap | undefined
  /** Undefined where there is no ConfigMap. */
  readonly read: RecordRead | undefined
  readonly named: NamedFacts | undefined
  readonly namespace: NamespaceFacts
  readonly controller: ControllerFacts
  /** The node of the pod that holds the lock; undefined where none does. */
  readonly node: NodeFacts | undefined
  /** Milliseconds since 1970. */
  readonly now: number
}
