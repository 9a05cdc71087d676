import type { Announcement } from '../kube/event-recorder.ts'
import type { Reason } from '../status/findings.ts'
import type { DeploymentStatus } from '../status/status.ts'
import { type EventReason, say } from './events.ts'

/**
 * What people are told of where it lasts, and as which Event. All else is told when it happens, is about to pass by
 * itself, or is what the user asked for.
 */
export const LASTING: { readonly [R in Reason]?: EventReason } = {
  'node-lost': 'RunnerNodeLost',
  'runner-ends': 'MigrationWaiting',
  'not-started': 'MigrationWaiting',
  'older-revision': 'MigrationWaiting',
  'lock-busy': 'MigrationWaiting',
  'lock-unsettled': 'MigrationWaiting',
  unschedulable: 'MigrationWaiting',
  'image-pull': 'MigrationWaiting',
  'earlier-container': 'MigrationWaiting',
  'earlier-container-fails': 'MigrationWaiting',
  'cannot-start': 'MigrationWaiting',
  'cannot-note': 'MigrationWaiting',
  'no-shell': 'ImageLacksShell',
  'no-sleep': 'ImageLacksShell',
}

/** The same is told again only when it still lasts after so long: an Event is kept for an hour by default. */
export const TELL_AGAIN_MS = 1_800_000

/** What was told last about one Deployment, and when. */
export interface Told {
  readonly what: string
  readonly at: number
}

/**
 * What to tell people now about a Deployment whose pods have been pending for a while.
 * @param before by the key `why` or `deadline`; undefined where nothing was told yet
 * @param now milliseconds since 1970
 */
export function tellNow(
  { reason, revision = '', why, whatToDo }: DeploymentStatus,
  isPastDeadline: boolean,
  before: ReadonlyMap<string, Told>,
  now: number,
): readonly { readonly about: 'why' | 'deadline'; readonly what: string; readonly announcement: Announcement }[] {
  const isDue = (about: string, what: string) => {
    const told = before.get(about)
    return told === undefined || told.what !== what || now - told.at >= TELL_AGAIN_MS
  }
  const told: { about: 'why' | 'deadline'; what: string; announcement: Announcement }[] = []
  const event = LASTING[reason]
  const what = `${reason} ${revision}`
  // What brings the node back is of no use where its machine is off for good.
  const advice = reason === 'node-lost' ? 2 : 1
  if (event !== undefined && isDue('why', what))
    told.push({ about: 'why', what, announcement: say(event, [sentence(why), ...whatToDo.slice(0, advice)].join(' ')) })
  if (isPastDeadline && isDue('deadline', revision))
    told.push({ about: 'deadline', what: revision, announcement: say('ProgressDeadlinePassed', `${DEADLINE} ${why}`) })
  return told
}

/** What Kubernetes says, and is quoted last, has no full stop. */
function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

const DEADLINE =
  'The rollout takes longer than spec.progressDeadlineSeconds, so Kubernetes calls it failed; the migration is not ended by that.'
