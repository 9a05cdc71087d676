import { completedOf, type LockRecord, parseObject, revisionOf } from './record.ts'

/** A ReplicaSet beyond the history limit goes as soon as it is empty; its manifest may be applied again soon after. */
const KEPT_WITHOUT_REPLICA_SET = 20

/**
 * The entries without those of revisions whose ReplicaSets are long gone: of these, the ones with the highest run
 * numbers stay, so that the record stays small after any number of rollouts.
 * @param present the revisions that have a ReplicaSet
 */
export function prune(entries: LockRecord['entries'], present: ReadonlySet<string>): LockRecord['entries'] {
  const gone = Object.keys(entries)
    .filter((key) => !present.has(revisionOf(key)))
    .toSorted((a, b) => age(entries, b) - age(entries, a))
  const dropped = new Set(gone.slice(KEPT_WITHOUT_REPLICA_SET))
  return dropped.size === 0 ? entries : Object.fromEntries(Object.entries(entries).filter(([key]) => !dropped.has(key)))
}

/** Failures are the first to go. */
function age(entries: LockRecord['entries'], key: string): number {
  if (key.startsWith('failed.')) return parseObject(entries[key]) === undefined ? -2 : -1
  return completedOf(entries, revisionOf(key))?.number ?? 0
}
