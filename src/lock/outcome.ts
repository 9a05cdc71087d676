import type { Pod } from '../kube/objects.ts'
import { REVISION_LABEL } from '../names.ts'
import { delayMs } from './backoff.ts'
import type { Decision } from './decide.ts'
import type { ControllerEvent } from './event.ts'
import { type End, statusOf } from './pod-state.ts'
import { type Completed, failedOf, type LockRecord, prune, withCompleted, withFailed } from './record.ts'
import type { Snapshot } from './snapshot.ts'

/** What ends a run: the record to write, and what to report. */
interface Outcome {
  readonly record: LockRecord
  readonly event: ControllerEvent
}

/** The record after a success: one write that both records it and lets the lock go. */
export function afterSuccess(
  snapshot: Snapshot,
  { stored, holder, pod, end }: Extract<Decision, { kind: 'complete' }>,
  platform: string | undefined,
): Outcome {
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
): Outcome {
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

/** Pruned along with these writes, so that it costs none of its own. */
function pruned(entries: LockRecord['entries'], { deployment, replicaSets }: Snapshot, revision: string) {
  // Without the Deployment it is unknown what it still has.
  if (deployment === undefined) return entries
  const present = replicaSets.map(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? '')
  return prune(entries, new Set([...present, revision]))
}

/**
 * What is recorded of a success.
 * @param since when the lock was taken: the container was waiting before
 * @param platform of its node, where it is known
 */
export function describeSuccess(
  pod: Pod,
  number: number,
  { startedAt, finishedAt }: Extract<End, { kind: 'success' }>,
  since: string | undefined,
  platform?: string,
): Completed {
  const started =
    [since, startedAt]
      .filter((time) => time !== undefined)
      .toSorted()
      .at(-1) ?? ''
  const seconds = Math.round((Date.parse(finishedAt ?? '') - Date.parse(started)) / 1000)
  const { image = '', imageID } = statusOf(pod) ?? {}
  return {
    pod: pod.metadata.name,
    image,
    ...(imageID && platform !== undefined && { imageID, platform }),
    started,
    seconds: seconds > 0 ? seconds : 0,
    number,
  }
}
