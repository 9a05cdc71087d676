import { endOf, isRunning } from '../controller/container-end.ts'
import { decisionOn, grantOf } from '../controller/grant.ts'
import { isAbsent } from './absent.ts'
import { span } from './age.ts'
import { namespaceOf } from './controller-facts.ts'
import type { Run } from './findings.ts'
import { runOf } from './judge-run.ts'
import type { Situation } from './situation.ts'

/**
 * What a person may do about a lock. There is one way to free it that the protocol knows: its pod object goes. What it takes
 * with it differs:
 * - nothing: it is free, or becomes so by itself
 * - delete: its node ends the container first, so that no two runs overlap
 * - force: the pod object goes while nobody can see whether its container runs on: never two at once is no longer promised
 */
export type Release =
  | { readonly kind: 'nothing'; readonly run: Run | undefined; readonly says: readonly string[] }
  | { readonly kind: 'delete' | 'force'; readonly run: Run; readonly says: readonly string[] }

/** After the end of the grace period, kubelet takes a second or two. */
const DELETION_LATE_MS = 60_000

export function releaseOf(situation: Situation): Release {
  const { read, pods, node, now } = situation
  const run = runOf(situation)
  if (read?.kind === 'edited')
    return nothing(undefined, [
      'Somebody wrote into the record of the lock: the controller finds out anew from the pods who holds it.',
    ])
  if (run === undefined) return nothing(undefined, ['The lock is free.'])
  const holds = `Pod ${run.pod} holds the lock, as run ${run.number} of revision ${run.revision}, since ${span(now - Date.parse(run.since))}.`
  const byItself = isAbsent(situation)
    ? `The controller of migrate.io frees it, but none is at work: see kubectl -n ${namespaceOf(situation.controller)} get pods.`
    : 'The controller frees it by itself, within half a minute.'
  const found = pods.find(({ pod }) => pod.metadata.uid === run.uid)?.pod
  if (found === undefined) return nothing(run, [holds, `That pod is gone. ${byItself}`])
  if (endOf(found, run.number).kind !== 'unknown')
    return nothing(run, [holds, `Its run has ended, which its node has said. ${byItself}`])

  const where = run.node === undefined ? 'no node yet' : `node ${run.node}`
  const isGranted = decisionOn(run.number, grantOf(found)) === 'run'
  const state = !isGranted
    ? 'It has not been told to start the migration yet.'
    : isRunning(found)
      ? 'Its container migrate-io runs, by the last word of its node: the migration may be at work in the database now.'
      : 'Its container migrate-io did not run, by the last word of its node, and may be started again by it.'
  const isLost = node?.kind === 'not-ready' || node?.kind === 'gone'
  const about = [holds, `It is on ${where}, which ${nodeInWords(situation)}. ${state}`]
  const { deletionTimestamp, finalizers = [] } = found.metadata
  if (isGranted && isLost) return { kind: 'force', run, says: [...about, ...FORCED] }
  if (deletionTimestamp === undefined) return { kind: 'delete', run, says: [...about, ...DELETED] }

  const late = now - Date.parse(deletionTimestamp)
  if (isGranted && node?.kind !== 'ready' && late > DELETION_LATE_MS)
    return {
      kind: 'force',
      run,
      says: [...about, `It should have ended ${span(late)} ago, and its node has not said that it did.`, ...FORCED],
    }
  const held = finalizers.length === 0 ? '' : ` Finalizers hold it as well: ${finalizers.join(', ')}.`
  return nothing(run, [
    ...about,
    late < 0
      ? `It is being deleted, and its grace period ends in ${span(-late)}. The lock is free when its node says that it has ended.${held}`
      : `It is being deleted. The lock is free when its node says that it has ended, and the pod is gone.${held}`,
  ])
}

function nothing(run: Run | undefined, says: readonly string[]): Release {
  return { kind: 'nothing', run, says }
}

function nodeInWords({ node, now }: Situation): string {
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

const FORCED = [
  'Best is to bring the node back: then all goes on by itself.',
  'The only other way is to take away the pod object by force. If the container still runs, the next pod runs its migration beside it: migrate.io then no longer promises that two never run at once. Do it only when you know that the machine is off, or cut off from the database.',
]
