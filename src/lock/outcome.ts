import { REVISION_LABEL } from '../names.ts'
import { delayMs } from './backoff.ts'
import { describeSuccess } from './completion.ts'
import type { Decision } from './decision.ts'
import type { ControllerEvent } from './event.ts'
import { prune } from './prune.ts'
import { failedOf, type LockRecord, withCompleted, withFailed } from './record.ts'
import type { Snapshot } from './snapshot.ts'

interface Result {
  readonly record: LockRecord
  readonly event: ControllerEvent
}

/** The record after a success: one write that both records it and lets the lock go. */
export function afterSuccess(
  snapshot: Snapshot,
  { stored, holder, pod, end }: Extract<Decision, { kind: 'complete' }>,
  platform: string | undefined,
): Result {
  const { revision, number } = holder
  const completed = describeSuccess(pod, number, end, holder.since, platform)
  const entries = pruned(withCompleted(stored.record.entries, revision, completed), snapshot, revision)
  return {
    record: { ...stored.record, holder: undefined, entries },
    event: { kind: 'run-succeeded', pod: holder.pod, revision, number, seconds: completed.seconds },
  }
}

/** The record after a failure: counted, and not tried again before the backoff is over. */
export function afterFailure(
  snapshot: Snapshot,
  { stored, holder, end }: Extract<Decision, { kind: 'fail' }>,
  now: number,
): Result {
  const { revision, number } = holder
  const count = (failedOf(stored.record, revision)?.count ?? 0) + 1
  const nextAt = now + delayMs(count)
  const failed = { count, exit: end.exitCode, next: new Date(nextAt).toISOString() }
  const entries = pruned(withFailed(stored.record.entries, revision, failed), snapshot, revision)
  const { retries } = snapshot.settings
  return {
    record: { ...stored.record, holder: undefined, entries },
    event: {
      kind: 'run-failed',
      ...{ pod: holder.pod, revision, number, count },
      ...{ exitCode: end.exitCode, isTimeout: end.isTimeout },
      nextAt: retries !== undefined && count > retries ? undefined : nextAt,
    },
  }
}

/** Done with these writes, so that it costs none of its own. */
function pruned(entries: LockRecord['entries'], { deployment, replicaSets }: Snapshot, revision: string) {
  // Without the Deployment it is unknown what it still has.
  if (deployment === undefined) return entries
  const present = replicaSets.map(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? '')
  return prune(entries, new Set([...present, revision]))
}
