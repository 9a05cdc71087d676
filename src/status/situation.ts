import type { ConfigMap, Lease, Node, ReplicaSet } from '../kube/objects.ts'
import type { NamedState } from '../lock/named-lock.ts'
import type { RecordRead } from '../lock/record.ts'
import { NAMESPACE } from '../names.ts'
import type { DeploymentFacts } from './deployment-facts.ts'
import type { PodFacts } from './pod-facts.ts'

/** The clock of whoever asks may be wrong, and a false alarm is worse than a late one. */
const ALLOWANCE_MS = 60_000
const DURATION_SECONDS = 15

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

/** Who has the named lock that a Deployment needs. */
export interface NamedFacts {
  readonly lock: string
  readonly state: NamedState
  /** Where another Deployment has it. */
  readonly holder: { readonly deployment: string; readonly pod: string; readonly since: string } | undefined
}

/** The label migrate.io/injection of a namespace; `unseen`: the namespace may not be read. */
export type NamespaceFacts = { readonly kind: 'seen'; readonly label: string | undefined } | { readonly kind: 'unseen' }

/** Whether a controller is at work, by the Lease by which controllers elect their leader. */
export type ControllerFacts =
  | { readonly kind: 'leading'; readonly leader: string; readonly namespace: string }
  /** Milliseconds since 1970. */
  | { readonly kind: 'stale'; readonly leader: string; readonly renewedAt: number; readonly namespace: string }
  | { readonly kind: 'absent'; readonly namespace: string }
  /** It may not be read, which is common: the Lease is in the namespace of migrate.io itself. */
  | { readonly kind: 'unseen' }

/**
 * @param lease undefined where there is none
 * @param namespace where it was looked for
 */
export function controllerFacts(
  lease: Lease | undefined,
  namespace: string,
  now: number,
): Exclude<ControllerFacts, { kind: 'unseen' }> {
  const { holderIdentity: leader, renewTime, leaseDurationSeconds = DURATION_SECONDS } = lease?.spec ?? {}
  if (leader === undefined || leader === '') return { kind: 'absent', namespace }
  const renewedAt = Date.parse(renewTime ?? '')
  const isStale = !(now - renewedAt <= leaseDurationSeconds * 1000 + ALLOWANCE_MS)
  return isStale ? { kind: 'stale', leader, renewedAt, namespace } : { kind: 'leading', leader, namespace }
}

/** Whether no controller is at work, as far as can be seen. */
export function isAbsent({ controller }: Pick<Situation, 'controller'>): boolean {
  return controller.kind === 'absent' || controller.kind === 'stale'
}

/** Where migrate.io is installed, as far as can be seen: the usual namespace else. */
export function namespaceOf(controller: ControllerFacts): string {
  return controller.kind === 'unseen' ? NAMESPACE : controller.namespace
}

/** The node of a pod that may be running a migration. */
export type NodeFacts =
  | { readonly kind: 'ready' }
  /** `since`: milliseconds since 1970. */
  | { readonly kind: 'not-ready'; readonly since: number | undefined }
  /** Its Node object is gone, and with it soon the pod's. */
  | { readonly kind: 'gone' }
  /** It may not be read. */
  | { readonly kind: 'unseen' }

/** @param node undefined where there is none */
export function nodeFacts(node: Node | undefined): NodeFacts {
  if (node === undefined) return { kind: 'gone' }
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')
  if (ready?.status === 'True') return { kind: 'ready' }
  const since = Date.parse(ready?.lastTransitionTime ?? '')
  return { kind: 'not-ready', since: Number.isNaN(since) ? undefined : since }
}
