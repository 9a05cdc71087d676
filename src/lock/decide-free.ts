import type { Deployment, Pod } from '../kube/objects.ts'
import { nextTurn } from './backoff.ts'
import { choose, isWaiting, speaksProtocol } from './choose.ts'
import { CATCHING_UP_MS, type Clock, LOOK_AGAIN_MS } from './clock.ts'
import type { Decision, Stored } from './decision.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER } from './grant.ts'
import { endOf, spokenNumber } from './pod-state.ts'
import { completedOf, failedOf, isCompleted } from './record.ts'
import { currentReplicaSet, revisionOfPod } from './rollout.ts'
import type { Snapshot } from './snapshot.ts'

/** The lock is free: gives it to the pod that is next, if there is one and its time has come. */
export function decideFree(
  snapshot: Snapshot,
  stored: Stored,
  deployment: Deployment | undefined,
  clock: Clock,
): Decision {
  const { record } = stored
  const unknown = [...snapshot.pods.values()].find(({ pod }) => pod !== undefined && isUnknownRun(pod, stored))
  if (unknown?.pod !== undefined) {
    const { pod, isLive } = unknown
    const grant = grantOf(pod)
    if (!isLive) return { kind: 'read-pod', name: pod.metadata.name }
    if (grant.kind === 'run') return { kind: 'adopt-run', stored, pod, grant }
  }
  const pods = [...snapshot.pods.values()].map(({ pod }) => pod).filter((pod) => pod !== undefined)
  const waiting = pods.filter((pod) => speaksProtocol(pod) && isWaiting(pod) && grantOf(pod).kind !== 'skip')
  if (waiting.length === 0) return { kind: 'wait', why: undefined, until: undefined }
  const lookAgain = clock.now + LOOK_AGAIN_MS
  // One of that name may adopt the pods, which changes nothing on them.
  if (deployment === undefined) return { kind: 'wait', why: 'no-deployment', until: lookAgain }

  const current = currentReplicaSet(deployment, snapshot.replicaSets)
  if (current === undefined) return { kind: 'wait', why: 'rollout-unsettled', until: clock.now + CATCHING_UP_MS }
  const pod = choose(pods, current)
  if (pod === undefined) return { kind: 'wait', why: 'not-current', until: lookAgain }
  const revision = revisionOfPod(pod)
  if (revision === '' || isCompleted(record, revision)) return { kind: 'wait', why: undefined, until: lookAgain }
  const turn = nextTurn(failedOf(record, revision), snapshot.settings.retries, clock.now)
  if (turn.kind === 'never') return { kind: 'wait', why: 'gave-up', until: lookAgain }
  if (turn.kind === 'later') return { kind: 'wait', why: 'backoff', until: turn.at }
  if (snapshot.pods.get(pod.metadata.name)?.isLive !== true) return { kind: 'read-pod', name: pod.metadata.name }

  const number = Math.max(record.number, decidedNumber(grantOf(pod)), spokenNumber(pod)) + 1
  if (number > MAX_RUN_NUMBER)
    return { kind: 'blocked', reason: 'numbers-exhausted', object: pod.metadata.name, until: lookAgain }
  const { lock } = snapshot.settings
  const acquire: Decision = { kind: 'acquire', stored, pod, number, lock }
  return lock === undefined ? acquire : decideNamed(snapshot, lock, acquire, lookAgain)
}

/** The own lock is taken only when the named one is free too, so that no pod holds it that can't run. */
function decideNamed({ named }: Snapshot, lock: string, acquire: Decision, lookAgain: number): Decision {
  switch (named?.kind) {
    case undefined:
      return { kind: 'read-named', lock }
    case 'free':
      if (named.isKeptUntil === undefined) return acquire
      return { kind: 'wait', why: 'lock-turn', until: named.isKeptUntil, lock }
    case 'busy':
      return { kind: 'wait', why: 'lock-busy', until: lookAgain, lock }
    case 'lost':
      return { kind: 'rebuild-named', lock }
    case 'open':
      return { kind: 'settle', pod: named.pod, number: named.number, of: 'named' }
    case 'foreign':
      return { kind: 'blocked', reason: 'foreign-configmap', object: named.name, until: lookAgain }
  }
}

/** A pod that may be running under a number that the record knows nothing of: somebody else wrote its grant. */
function isUnknownRun(pod: Pod, { record }: Stored): boolean {
  const grant = grantOf(pod)
  if (grant.kind !== 'run' || !speaksProtocol(pod) || endOf(pod, grant.number).kind !== 'unknown') return false
  return completedOf(record.entries, revisionOfPod(pod))?.number !== grant.number
}
