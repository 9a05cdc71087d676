import type { ConfigMap, Deployment, Pod, ReplicaSet } from '../kube/objects.ts'
import { REVISION_LABEL } from '../names.ts'
import type { Key } from './key.ts'
import type { NamedState } from './named-lock.ts'
import { currentReplicaSet } from './pod-state.ts'
import { failedOf, isCompleted, type RecordRead, readRecord } from './record.ts'

/** What is decided from. All but the pods of the watch was read live, in this order: see `readSnapshot`, and `withRecord`. */
export interface Snapshot {
  readonly key: Key
  readonly configMap: ConfigMap | undefined
  /** Undefined where there is none. */
  readonly read: RecordRead | undefined
  readonly deployment: Deployment | undefined
  /** The Deployment's own. */
  readonly replicaSets: readonly ReplicaSet[]
  readonly settings: { readonly lock?: string; readonly retries?: number }
  readonly pods: ReadonlyMap<string, SeenPod>
  /** The named lock that was asked for, as it was read last. */
  readonly named: NamedState | undefined
  /** Pods whose marks could not be taken off, which must not hold up the record. */
  readonly markedForGood: ReadonlySet<string>
}

/** By name. A pod that is gone is undefined. */
interface SeenPod {
  readonly pod: Pod | undefined
  /** Read after the ConfigMap, and not from the watch. */
  readonly isLive: boolean
}

/**
 * Goes on with the ConfigMap as it was just written: the pods that wait for that are told at once. The write shows that
 * it was not written since it was read, so all that was read after it is still newer than the last write of another.
 */
export function withRecord(snapshot: Snapshot, configMap: ConfigMap): Snapshot {
  const pods = [...snapshot.pods].map(([name, { pod }]) => [name, { pod, isLive: false }] as const)
  return { ...snapshot, configMap, read: readRecord(configMap), pods: new Map(pods), named: undefined }
}

/** For metrics only: nothing is decided by it. */
export interface LockStatus {
  /** Since when a run has it, or is about to; milliseconds since 1970. */
  readonly heldSince: number | undefined
  /** The revision that is being rolled out has failed and not succeeded since. */
  readonly hasFailed: boolean
}

export const NOTHING_KNOWN: LockStatus = { heldSince: undefined, hasFailed: false }

export function lockStatusOf({ read, deployment, replicaSets }: Snapshot): LockStatus {
  if (read?.kind !== 'record') return NOTHING_KNOWN
  const { record } = read
  const heldSince = Date.parse(record.holder?.since ?? '')
  const current = deployment === undefined ? undefined : currentReplicaSet(deployment, replicaSets)
  const revision = current?.metadata.labels?.[REVISION_LABEL] ?? ''
  return {
    heldSince: Number.isNaN(heldSince) ? undefined : heldSince,
    hasFailed: failedOf(record, revision) !== undefined && !isCompleted(record, revision),
  }
}
