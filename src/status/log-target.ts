import { isRunning, spokenNumber, statusOf } from '../controller/container-end.ts'
import { decisionOn, grantOf } from '../controller/grant.ts'
import { completedOf } from '../controller/record.ts'
import { currentReplicaSet } from '../controller/rollout.ts'
import { REVISION_LABEL } from '../migration/names.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Situation } from './situation.ts'

/** Which container has the output of a run. */
export interface LogTarget {
  readonly pod: string
  /** The run's number; undefined where a record from before does not say it. */
  readonly run: number
  /** The instance before the present one: the present one waits for its turn by now. */
  readonly previous: boolean
  /** Whether it may still be running. */
  readonly isUnderWay: boolean
}

/**
 * Where the output of the present revision's last run is. Undefined where it never ran, or its pod is unknown: one that is
 * gone took its log with it.
 *
 * | the lock is held by a run   | its pod, the instance that runs                      |
 * | the revision is recorded    | the pod in the record                                |
 * | it failed                   | the pod that speaks of the highest run number        |
 */
export function logTarget(situation: Situation): LogTarget | undefined {
  const { facts, replicaSets, read, pods } = situation
  if (read?.kind !== 'record') return undefined
  const revision = currentReplicaSet(facts.deployment, replicaSets)?.metadata.labels?.[REVISION_LABEL]
  const { holder, entries } = read.record
  const runner = pods.find(({ pod }) => pod.metadata.uid === holder?.uid)
  if (holder !== undefined && runner !== undefined && isGranted(runner, holder.number)) {
    const isUnderWay = spokenNumber(runner.pod) < holder.number && isRunning(runner.pod)
    return { pod: holder.pod, run: holder.number, previous: isPrevious(runner, holder.number), isUnderWay }
  }
  const done = revision === undefined ? undefined : completedOf(entries, revision)
  if (done !== undefined) return { pod: done.pod, run: done.number, previous: false, isUnderWay: false }
  const ran = pods
    .filter(({ pod }) => spokenNumber(pod) > 0 && pod.metadata.labels?.[REVISION_LABEL] === revision)
    .toSorted((a, b) => spokenNumber(b.pod) - spokenNumber(a.pod))[0]
  if (ran === undefined) return undefined
  const run = spokenNumber(ran.pod)
  return { pod: ran.pod.metadata.name, run, previous: isPrevious(ran, run), isUnderWay: false }
}

function isGranted({ pod }: PodFacts, number: number): boolean {
  return decisionOn(number, grantOf(pod)) === 'run'
}

/** Whether the run was of the instance before, and another one has started since. */
function isPrevious({ pod }: PodFacts, number: number): boolean {
  const status = statusOf(pod)
  const spoken = /^(?:run|stale) (\d+)/.exec(status?.lastState?.terminated?.message ?? '')?.[1]
  return Number(spoken) === number && status?.state?.waiting === undefined && isRunning(pod)
}
