import { currentReplicaSet, endOf, isRunning, revisionOfPod, spokenNumber, statusOf } from '../lock/pod-state.ts'
import { completedOf, entriesOf, isCompleted } from '../lock/record.ts'
import { REVISION_LABEL } from '../names.ts'
import { isGranted, type PodFacts } from './pod-facts.ts'
import type { Situation } from './situation.ts'

/** Which container has the output of a run. */
export interface LogTarget {
  readonly pod: string
  readonly run: number
  /** Whose run it is: an older one may still hold the lock. */
  readonly revision: string
  /** The instance before the present one: the present one waits for its turn by now. */
  readonly previous: boolean
  /** Whether it may still be running. */
  readonly isUnderWay: boolean
}

/**
 * Where the output of the present revision's last run is. Undefined where it never ran, or its pod is unknown: one that is
 * gone took its log with it.
 *
 * | the present revision is recorded       | the pod in the record                            |
 * | else a run has the lock, and has begun | its pod, also where it is of another revision    |
 * | else it failed                         | the pod that speaks of the highest run number    |
 */
export function logTarget(situation: Situation): LogTarget | undefined {
  const { facts, replicaSets, read, pods } = situation
  const revision = currentReplicaSet(facts.deployment, replicaSets)?.metadata.labels?.[REVISION_LABEL]
  const done = revision === undefined ? undefined : completedOf(entriesOf(read), revision)
  if (revision !== undefined && done !== undefined)
    return { pod: done.pod, run: done.number, revision, previous: false, isUnderWay: false }
  if (read?.kind !== 'record') return undefined
  const { record } = read
  const { holder } = record
  const runner = pods.find(({ pod }) => pod.metadata.uid === holder?.uid)
  const isWanted = revision === undefined || !isCompleted(record, revision)
  if (holder !== undefined && runner !== undefined && isWanted && isGranted(runner.pod, holder.number)) {
    const { kind } = endOf(runner.pod, holder.number)
    const isOver = kind !== 'unknown' && kind !== 'unrecorded'
    // One that does not run has not begun: what its container wrote is of an earlier start.
    if (isOver || isRunning(runner.pod)) return targetOf(runner, holder.number, holder.revision, !isOver)
  }
  if (revision === undefined) return undefined
  const ran = pods
    .filter(({ pod }) => spokenNumber(pod) > 0 && revisionOfPod(pod) === revision)
    .toSorted((a, b) => spokenNumber(b.pod) - spokenNumber(a.pod))[0]
  return ran === undefined ? undefined : targetOf(ran, spokenNumber(ran.pod), revision, false)
}

function targetOf(facts: PodFacts, run: number, revision: string, isUnderWay: boolean): LogTarget {
  return { pod: facts.pod.metadata.name, run, revision, previous: isPrevious(facts, run), isUnderWay }
}

/** Whether the run was of the instance before, and another one has started since. */
function isPrevious({ pod }: PodFacts, number: number): boolean {
  const status = statusOf(pod)
  const spoken = /^(?:run|stale) (\d+)/.exec(status?.lastState?.terminated?.message ?? '')?.[1]
  return Number(spoken) === number && status?.state?.waiting === undefined && isRunning(pod)
}
