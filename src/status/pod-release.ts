import type { RemoveOptions } from '../kube/calls.ts'
import type { Pod } from '../kube/objects.ts'
import { decisionOn, grantOf } from '../lock/grant.ts'
import { endOf, isRunning } from '../lock/pod-state.ts'
import { isAbsent } from './absent.ts'
import { span } from './age.ts'
import { type ControllerFacts, namespaceOf } from './controller-facts.ts'
import type { Run } from './findings.ts'
import type { NodeFacts } from './node-facts.ts'

/**
 * What a person may do about a lock. There is one way to free it that the protocol knows: its pod object goes. What it takes
 * with it differs:
 * - free: nobody holds it
 * - wait: it is not free, and deleting a pod would not help: it becomes free by itself, or something else has to be mended
 * - delete: its node ends the container first, so that no two runs overlap
 * - force: the pod object goes while nobody can see whether its container runs on: never two at once is no longer promised
 */
export type Release =
  | { readonly kind: 'free' | 'wait'; readonly says: readonly string[] }
  | {
      readonly kind: 'delete' | 'force'
      readonly run: HeldRun
      /** How the pod is to be deleted: as it was seen here, or not at all. */
      readonly deletion: RemoveOptions
      readonly says: readonly string[]
    }

export type HeldRun = Pick<Run, 'pod' | 'uid' | 'number' | 'node' | 'graceSeconds'>

/** A run that holds a lock, as it was seen. */
export interface Held {
  readonly run: HeldRun
  /** Whose run it is, which lock it holds, and since when: a sentence. */
  readonly holds: string
  /** Undefined where it is gone. */
  readonly pod: Pod | undefined
  readonly node: NodeFacts | undefined
  readonly controller: ControllerFacts
  /** Milliseconds since 1970. */
  readonly now: number
}

/** After the end of the grace period, kubelet takes a second or two. */
const DELETION_LATE_MS = 60_000
/** 0 is no short grace period: the API server takes it for `now, whether or not the container has ended`. */
const GRACE_MIN_SECONDS = 1

/**
 * Where run n may be going on, by what is known of its pod:
 *
 * | run n on the pod | its node      | the pod                  |                                              |
 * | ---------------- | ------------- | ------------------------ | -------------------------------------------- |
 * | ended            | whatever      | whatever                 | wait: the controller frees it                |
 * | granted          | lost          | whatever                 | force                                        |
 * | granted          | not lost      | Failed, and no end told  | force: the API server deletes such a one at once |
 * | granted          | may be lost   | its deletion is late     | force                                        |
 * | whatever         | whatever else | is being deleted         | wait                                         |
 * | whatever         | whatever else | is not                   | delete                                       |
 */
export function releaseOfPod(held: Held): Release {
  const { run, holds, pod, node, now } = held
  const byItself = isAbsent(held)
    ? `The controller of migrate.io frees it, but none is at work: see kubectl -n ${namespaceOf(held.controller)} get pods.`
    : 'The controller frees it by itself, within half a minute.'
  if (pod === undefined) return { kind: 'wait', says: [holds, `That pod is gone. ${byItself}`] }
  if (endOf(pod, run.number).kind !== 'unknown')
    return { kind: 'wait', says: [holds, `Its run has ended, which its node has said. ${byItself}`] }

  const isGranted = decisionOn(run.number, grantOf(pod)) === 'run'
  const where = run.node === undefined ? 'no node yet' : `node ${run.node}`
  const about = [holds, `It is on ${where}, which ${nodeInWords(node, now)}. ${stateInWords(pod, isGranted)}`]
  const force = (...says: readonly string[]): Release => ({
    kind: 'force',
    run,
    deletion: { preconditions: asSeen(pod), gracePeriodSeconds: 0 },
    says: [...about, ...says],
  })
  if (isGranted && (node?.kind === 'not-ready' || node?.kind === 'gone')) return force(BRING_BACK, FORCED)

  const { deletionTimestamp, finalizers = [] } = pod.metadata
  if (deletionTimestamp === undefined) {
    const { phase } = pod.status ?? {}
    if (isGranted && (phase === 'Failed' || phase === 'Succeeded'))
      return force(
        `Its phase is ${phase}, which others than its node may write as well, and its node has not said that the container ended. The API server takes such a pod away at once, and waits for no node.`,
        node?.kind === 'ready' ? 'Best is to wait until its node says how the container ended.' : BRING_BACK,
        FORCED,
      )
    const gracePeriodSeconds = Math.max(GRACE_MIN_SECONDS, run.graceSeconds)
    return {
      kind: 'delete',
      run,
      deletion: { preconditions: asSeen(pod), gracePeriodSeconds },
      says: [...about, ...DELETED],
    }
  }

  const late = now - Date.parse(deletionTimestamp)
  if (isGranted && node?.kind !== 'ready' && late > DELETION_LATE_MS)
    return force(`It should have ended ${span(late)} ago, and its node has not said that it did.`, BRING_BACK, FORCED)
  const others = finalizers.length === 0 ? '' : ` Finalizers hold it as well: ${finalizers.join(', ')}.`
  const ends =
    late < 0
      ? `It is being deleted, and its grace period ends in ${span(-late)}. The lock is free when its node says that it has ended.`
      : 'It is being deleted. The lock is free when its node says that it has ended, and the pod is gone.'
  return { kind: 'wait', says: [...about, `${ends}${others}`] }
}

/** A pod that has changed since may have been told to run, or its node may be back: then all is to be judged anew. */
function asSeen({ metadata: { uid, resourceVersion } }: Pod): RemoveOptions['preconditions'] {
  return { uid, resourceVersion }
}

function stateInWords(pod: Pod, isGranted: boolean): string {
  if (!isGranted) return 'It has not been told to start the migration yet.'
  return isRunning(pod)
    ? 'Its container migrate-io runs, by the last word of its node: the migration may be at work in the database now.'
    : 'Its container migrate-io did not run, by the last word of its node, and may be started again by it.'
}

function nodeInWords(node: NodeFacts | undefined, now: number): string {
  switch (node?.kind) {
    case 'ready':
      return 'is ready'
    case 'not-ready':
      return `is not ready${node.since === undefined ? '' : `, for ${span(now - node.since)}`}: whether its containers run on, nobody can see`
    case 'gone':
      return 'has no Node object any more: whether its machine runs on, nobody can see'
    case 'unseen':
    case undefined:
      return 'you may not look at (get nodes), so whether it is ready is not known here'
  }
}

const DELETED = [
  'Deleting the pod frees the lock safely: its node ends the migration first (TERM, then KILL after the grace period).',
  'The migration is cut off wherever it is. Then it runs again in another pod, at once: go back first (kubectl rollout undo) if it should not.',
]

const BRING_BACK = 'Best is to bring the node back: then all goes on by itself.'
const FORCED =
  'The only other way is to take away the pod object by force. If the container still runs, the next pod runs its migration beside it: migrate.io then no longer promises that two never run at once. Do it only when you know that the machine is off, or cut off from the database.'
