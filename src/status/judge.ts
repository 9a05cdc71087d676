import type { ReplicaSet } from '../kube/objects.ts'
import { delayMs, nextTurn } from '../lock/backoff.ts'
import { decide } from '../lock/decide.ts'
import { grantOf } from '../lock/grant.ts'
import {
  controllerOf,
  currentReplicaSet,
  endOf,
  isDone,
  isWaiting,
  runningSince,
  speaksProtocol,
  spokenNumber,
} from '../lock/pod-state.ts'
import { completedOf, entriesOf, type Failed, failedOf, isCompleted, type LockRecord } from '../lock/record.ts'
import { REVISION_LABEL } from '../names.ts'
import { isAbsent } from './absent.ts'
import type { Findings, Reason, State } from './findings.ts'
import { judgeRun, runOf } from './judge-run.ts'
import { notInjected } from './not-injected.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Situation } from './situation.ts'
import { snapshotOf } from './snapshot-of.ts'

/**
 * Says how a Deployment stands. What the controller would do next is asked of the controller's own function, so that the
 * two never disagree.
 */
export function judge(situation: Situation): Findings {
  const { facts, replicaSets, read } = situation
  if (!facts.isInjected) return notInjected(situation)
  const current = currentReplicaSet(facts.deployment, replicaSets)
  const revision = current?.metadata.labels?.[REVISION_LABEL]
  const record = read?.kind === 'record' ? read.record : undefined
  const pods = current === undefined ? [] : situation.pods.filter(({ pod }) => isOf(pod.metadata, current))
  const waiting = pods.filter(({ pod }) => speaksProtocol(pod) && isWaiting(pod))
  const base: Omit<Findings, 'state' | 'reason'> = {
    revision,
    run: runOf(situation),
    failed: record === undefined || revision === undefined ? undefined : failedOf(record, revision),
    nextAt: undefined,
    since: earliest(waiting.map(({ pod }) => runningSince(pod))),
    waiting: waiting.map(({ pod }) => pod.metadata.name),
    pod: undefined,
    trouble: undefined,
    exit: undefined,
  }
  const entries = entriesOf(read)
  if (revision !== undefined && isCompleted({ entries }, revision)) {
    const done = completedOf(entries, revision)
    const since = done === undefined ? undefined : Date.parse(done.started) + done.seconds * 1000
    return { ...base, state: 'Migrated', reason: 'migrated', since: Number.isNaN(since) ? undefined : since }
  }
  if (facts.deployment.metadata.deletionTimestamp !== undefined) return { ...base, ...WAITING('being-deleted') }
  const ofRun = judgeRun(situation, base)
  if (ofRun !== undefined) return ofRun
  if (facts.deployment.spec.paused === true && current === undefined) return { ...base, ...WAITING('paused') }
  return judgeFree(situation, base, { pods, record })
}

const WAITING = (reason: Reason): { state: State; reason: Reason } => ({ state: 'Waiting', reason })

interface Parts {
  readonly pods: readonly PodFacts[]
  readonly record: LockRecord | undefined
}

/** Nobody holds the lock. */
function judgeFree(situation: Situation, base: Omit<Findings, 'state' | 'reason'>, { pods, record }: Parts): Findings {
  const { facts, now } = situation
  const { failed } = base
  const decision = decide(snapshotOf(situation, pods), { now })
  if (decision.kind === 'blocked' && decision.reason === 'foreign-configmap')
    return { ...base, ...WAITING('foreign-configmap'), pod: decision.object }
  if (decision.kind === 'blocked') return { ...base, ...WAITING('record-edited') }
  const why = decision.kind === 'wait' ? decision.why : undefined
  if (why === 'lock-busy' || why === 'lock-turn') return { ...base, ...WAITING('lock-busy') }
  // Where its ConfigMap is there and blank or edited, the controller can't settle it yet, or is about to.
  const { state: shared } = situation.named ?? {}
  if (decision.kind === 'rebuild-named' && shared?.kind === 'lost' && shared.configMap !== undefined)
    return { ...base, ...WAITING('lock-unsettled') }

  const turn = nextTurn(failed, facts.settings.retries, now)
  const isNext = decision.kind !== 'wait' && base.waiting.length > 0
  if (failed !== undefined && !(isNext && turn.kind === 'now')) {
    if (turn.kind === 'never') return { ...base, state: 'Failed', reason: 'gave-up', since: failureTime(failed) }
    const nextAt = turn.kind === 'later' ? turn.at : undefined
    return { ...base, state: 'Failed', reason: 'failed', nextAt, since: failureTime(failed) }
  }
  if (why === 'rollout-unsettled' || base.revision === undefined) return { ...base, ...WAITING('rollout-unsettled') }
  const cut = pods.find(({ pod }) => isCutShort(pod, record))
  if (cut !== undefined && base.waiting.length === 0)
    return { ...base, state: 'Interrupted', reason: 'interrupted', pod: cut.pod.metadata.name }
  if (isNext) return { ...base, ...WAITING(isAbsent(situation) ? 'controller-absent' : 'next') }
  return judgePods(situation, base, pods)
}

/** None of its pods can have its turn: the first that is in trouble tells why. */
function judgePods(
  { facts }: Situation,
  base: Omit<Findings, 'state' | 'reason'>,
  pods: readonly PodFacts[],
): Findings {
  const odd = pods.find(({ pod }) => isWaiting(pod) && (!speaksProtocol(pod) || grantOf(pod).kind === 'unreadable'))
  if (odd !== undefined) {
    const reason = speaksProtocol(odd.pod) ? 'unreadable-grant' : 'unknown-protocol'
    return { ...base, ...WAITING(reason), pod: odd.pod.metadata.name }
  }
  const troubled = pods.filter(({ trouble }) => trouble !== undefined)
  const worst = troubled.find(({ trouble }) => trouble?.kind !== 'pod-starting') ?? troubled[0]
  if (worst?.trouble !== undefined) {
    const since = earliest([worst.pod.metadata.creationTimestamp])
    const { name } = worst.pod.metadata
    return { ...base, ...WAITING(worst.trouble.kind), pod: name, trouble: worst.trouble, since }
  }
  const { replicas = 1, paused } = facts.deployment.spec
  if (pods.length === 0 && facts.isRolledOut) return { ...base, ...WAITING('record-lost') }
  if (pods.length === 0 && replicas === 0) return { ...base, ...WAITING('no-replicas') }
  if (pods.length === 0 && paused === true) return { ...base, ...WAITING('paused') }
  if (pods.length === 0) return { ...base, ...WAITING('no-pods') }
  if (base.waiting.length > 0) return { ...base, ...WAITING('next') }
  return { ...base, ...WAITING('pod-starting'), pod: pods[0]?.pod.metadata.name }
}

function isOf(metadata: PodFacts['pod']['metadata'], { metadata: { uid } }: ReplicaSet): boolean {
  return controllerOf(metadata, 'ReplicaSet')?.uid === uid
}

/** It used a run number, and neither succeeded nor was that counted as a failure. */
function isCutShort(pod: PodFacts['pod'], record: LockRecord | undefined): boolean {
  const number = spokenNumber(pod)
  if (number === 0 || isDone(pod) || number > (record?.number ?? 0)) return false
  return endOf(pod, number).kind === 'interrupted'
}

/** The record has the time of the next try, which is by the backoff after the failure. */
function failureTime({ next, count }: Failed): number | undefined {
  const at = Date.parse(next ?? '') - delayMs(count)
  return Number.isNaN(new Date(at).getTime()) ? undefined : at
}

function earliest(times: readonly (string | undefined)[]): number | undefined {
  const numbers = times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time))
  return numbers.length === 0 ? undefined : Math.min(...numbers)
}
