import type { ReplicaSet } from '../kube/objects.ts'
import { delayMs, nextTry } from '../lock/backoff.ts'
import { decide } from '../lock/decide.ts'
import { grantOf } from '../lock/grant.ts'
import {
  controllerOf,
  currentReplicaSet,
  endOf,
  isDone,
  isRunning,
  isWaiting,
  runningSince,
  speaksProtocol,
  spokenNumber,
} from '../lock/pod-state.ts'
import { completedOf, entriesOf, type Failed, failedOf, isCompleted, type LockRecord } from '../lock/record.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { REVISION_LABEL } from '../names.ts'
import type { Findings, Run, State, StatusReason } from './findings.ts'
import { graceSecondsOf, isGranted, type PodFacts } from './pod-facts.ts'
import { isAbsent, type Situation } from './situation.ts'

/** What is found out before the state is judged. */
type Base = Omit<Findings, 'state' | 'reason'>

const WAITING = (reason: StatusReason): { state: State; reason: StatusReason } => ({ state: 'Waiting', reason })

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
  const base: Base = {
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

/**
 * Why a Deployment holds nothing of ours. What is wrong with its annotations comes first: in a namespace that has opted
 * in, admission refuses that, so that it is the reason only where nobody was asked.
 *
 * | annotations          | namespace opted in | reason                  |
 * | -------------------- | ------------------ | ----------------------- |
 * | wrong                | whatever           | bad-annotations         |
 * | no command           | whatever           | no-command              |
 * | a command            | no                 | namespace-not-labelled  |
 * | a command            | yes, or unseen     | not-yet-injected        |
 */
function notInjected({ facts, namespace }: Situation): Findings {
  return {
    state: 'NotInjected',
    reason: reasonOf(),
    revision: undefined,
    run: undefined,
    failed: undefined,
    nextAt: undefined,
    since: undefined,
    waiting: [],
    pod: undefined,
    trouble: undefined,
    exit: undefined,
  }

  function reasonOf(): StatusReason {
    if (facts.faults.length > 0) return 'bad-annotations'
    if (!facts.hasCommand) return 'no-command'
    if (namespace.kind === 'seen' && namespace.label !== 'enabled') return 'namespace-not-labelled'
    return 'not-yet-injected'
  }
}

/**
 * How a Deployment stands whose lock is held. Undefined where it is not held, or in between: taken, and not granted yet.
 *
 * | the holder's pod            | the present revision's run       | an older revision's run |
 * | --------------------------- | -------------------------------- | ----------------------- |
 * | is gone, or was interrupted | Interrupted                      | Waiting: next           |
 * | its command failed          | Failed: about to be counted      | Waiting: next           |
 * | its command succeeded       | Running: about to be recorded    | Waiting: next           |
 * | may run, its node is lost   | Running: node-lost               | Waiting: node-lost      |
 * | may run                     | Running                          | Waiting: older-revision |
 */
function judgeRun(situation: Situation, base: Base): Findings | undefined {
  const { run } = base
  if (run === undefined) return undefined
  const seen = find(situation.pods, run)
  const isOurs = run.revision === base.revision
  const findings = { ...base, since: timeOf(run.since) ?? base.since }
  if (seen === undefined)
    return isOurs
      ? { ...findings, state: 'Interrupted', reason: 'interrupted', pod: run.pod }
      : { ...findings, state: 'Waiting', reason: 'next' }
  const { pod } = seen
  const end = endOf(pod, run.number)
  if (end.kind === 'unknown') return judgeUnended(situation, findings, seen)
  if (!isOurs || end.kind === 'unrecorded') return { ...findings, state: 'Waiting', reason: 'next' }
  if (end.kind === 'interrupted') return { ...findings, state: 'Interrupted', reason: 'interrupted', pod: run.pod }
  if (end.kind === 'success') return { ...findings, state: 'Running', reason: 'result-seen' }
  const exit = { code: end.exitCode, isTimeout: end.isTimeout }
  return { ...findings, state: 'Failed', reason: 'result-seen', exit }
}

function judgeUnended(situation: Situation, findings: Base, { pod, trouble }: PodFacts): Findings | undefined {
  const { run, revision } = findings
  if (run === undefined) return undefined
  const isOurs = run.revision === revision
  const state = isOurs ? 'Running' : 'Waiting'
  if (!isGranted(pod, run.number)) {
    // Taken, and waiting for the named lock; or about to be granted or given up.
    const decision = decide(snapshotOf(situation, situation.pods), { now: situation.now })
    const isBusy = decision.kind === 'wait' && (decision.why === 'lock-busy' || decision.why === 'lock-turn')
    return { ...findings, state: 'Waiting', reason: isBusy ? 'lock-busy' : 'next' }
  }
  const node = situation.node?.kind
  if (node === 'not-ready' || node === 'gone') return { ...findings, state, reason: 'node-lost' }
  if (pod.metadata.deletionTimestamp !== undefined) return { ...findings, state, reason: 'runner-ends' }
  if (!isOurs) return { ...findings, state, reason: 'older-revision' }
  if (!isRunning(pod)) return { ...findings, state, reason: 'not-started', pod: run.pod, trouble }
  return { ...findings, state, reason: 'running' }
}

interface Parts {
  readonly pods: readonly PodFacts[]
  readonly record: LockRecord | undefined
}

/** Nobody holds the lock. */
function judgeFree(situation: Situation, base: Base, { pods, record }: Parts): Findings {
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
  if (decision.kind === 'recover-named' && shared?.kind === 'lost' && shared.configMap !== undefined)
    return { ...base, ...WAITING('lock-unsettled') }

  const turn = nextTry(failed, facts.settings.retries, now)
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
function judgePods({ facts }: Situation, base: Base, pods: readonly PodFacts[]): Findings {
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

/** Who holds the Deployment's own lock, as its record says. */
export function runOf({ read, pods }: Situation): Run | undefined {
  const holder = read?.kind === 'record' ? read.record.holder : undefined
  if (holder === undefined) return undefined
  const { pod, uid, number, revision, since } = holder
  const found = find(pods, holder)?.pod
  return { pod, uid, number, revision, since, node: found?.spec.nodeName, graceSeconds: graceSecondsOf(found) }
}

/** The situation as the controller's own functions take it. */
function snapshotOf(situation: Situation, pods: readonly PodFacts[]): Snapshot {
  const { facts, configMap, read, replicaSets, named } = situation
  const { deployment, settings } = facts
  const { namespace, name } = deployment.metadata
  return {
    key: { namespace, deployment: name },
    ...{ configMap, read, deployment, replicaSets, settings },
    pods: new Map(pods.map(({ pod }) => [pod.metadata.name, { pod, isLive: true }])),
    named: named?.state,
    markedForGood: new Set(),
  }
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

function find(pods: readonly PodFacts[], { uid }: { readonly uid: string }): PodFacts | undefined {
  return pods.find(({ pod }) => pod.metadata.uid === uid)
}

function earliest(times: readonly (string | undefined)[]): number | undefined {
  const numbers = times.map((time) => Date.parse(time ?? '')).filter((time) => !Number.isNaN(time))
  return numbers.length === 0 ? undefined : Math.min(...numbers)
}

function timeOf(text: string): number | undefined {
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}
