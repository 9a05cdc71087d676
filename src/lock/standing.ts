import { REVISION_LABEL } from '../names.ts'
import { failedOf, isCompleted } from './record.ts'
import { currentReplicaSet } from './rollout.ts'
import type { Snapshot } from './snapshot.ts'

/** How a lock stands, for people who look on: nothing is decided by it. */
export interface Standing {
  /** Since when a run has it, or is about to; milliseconds since 1970. */
  readonly heldSince: number | undefined
  /** The revision that is being rolled out has failed and not succeeded since. */
  readonly hasFailed: boolean
}

export const NOTHING_KNOWN: Standing = { heldSince: undefined, hasFailed: false }

export function standingOf({ read, deployment, replicaSets }: Snapshot): Standing {
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
