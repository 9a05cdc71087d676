import { decide } from '../lock/decide.ts'
import { decisionOn, grantOf } from '../lock/grant.ts'
import { endOf, isRunning } from '../lock/pod-state.ts'
import type { Findings, Run } from './findings.ts'
import { graceSecondsOf } from './grace.ts'
import type { PodFacts } from './pod-facts.ts'
import type { Situation } from './situation.ts'
import { snapshotOf } from './snapshot-of.ts'

type Base = Omit<Findings, 'state' | 'reason'>

/** Who holds the Deployment's own lock, as its record says. */
export function runOf({ read, pods }: Situation): Run | undefined {
  const holder = read?.kind === 'record' ? read.record.holder : undefined
  if (holder === undefined) return undefined
  const { pod, uid, number, revision, since } = holder
  const found = find(pods, holder)?.pod
  return { pod, uid, number, revision, since, node: found?.spec.nodeName, graceSeconds: graceSecondsOf(found) }
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
export function judgeRun(situation: Situation, base: Base): Findings | undefined {
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
  const isGranted = decisionOn(run.number, grantOf(pod)) === 'run'
  if (!isGranted) {
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

function find(pods: readonly PodFacts[], { uid }: { readonly uid: string }): PodFacts | undefined {
  return pods.find(({ pod }) => pod.metadata.uid === uid)
}

function timeOf(text: string): number | undefined {
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}
