import type { Api } from '../kube/api.ts'
import type { Announcement, EventRecorder, EventType, Regarding } from '../kube/event-recorder.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText } from '../lock/key.ts'
import { exitCodeInWords } from '../lock/pod-state.ts'
import { INTERRUPTIONS, PROBLEMS, type ProblemReason } from '../lock/reasons.ts'
import { RECORD_LABEL } from '../names.ts'
import { OncePer } from '../observability/once-per.ts'

/** The same is told again only when it still lasts after so long: an Event is kept for an hour by default. */
export const REPEAT_EVENT_MS = 1_800_000

/** Every reason of our Events: what people filter by, and what the reference page is made from. */
export const EVENT_REASONS = {
  MigrationStarted: { type: 'Normal', means: 'a pod got the lock and runs the migration' },
  MigrationSucceeded: { type: 'Normal', means: 'the migration succeeded; this revision never runs it again' },
  MigrationFailed: { type: 'Warning', means: 'the command failed, or ran longer than `migrate.io/timeout`' },
  MigrationInterrupted: { type: 'Warning', means: 'how a run ended is unknown, so it is repeated' },
  MigrationNotRecorded: {
    type: 'Warning',
    means:
      'a run ended without its run number in its termination message; a success is then not recorded, and the revision runs again',
  },
  MigrationSkipped: { type: 'Normal', means: 'pods of a revision that is already migrated start without a run' },
  MigrationWaiting: {
    type: 'Warning',
    means: 'pods wait for something other than a running migration of their own Deployment',
  },
  RunnerNodeLost: { type: 'Warning', means: 'the node of the pod that runs the migration is not ready, or gone' },
  ImageLacksShell: { type: 'Warning', means: 'the image has no `/bin/sh` or no `sleep`, which the wrapper needs' },
  ProgressDeadlinePassed: { type: 'Warning', means: 'the rollout takes longer than `progressDeadlineSeconds`' },
  ImageMoved: {
    type: 'Warning',
    means: 'a pod of a migrated revision starts another image than the one that migrated it: the tag has moved',
  },
  LockNotOurs: { type: 'Warning', means: PROBLEMS['foreign-configmap'] },
  LockEdited: { type: 'Warning', means: PROBLEMS['record-edited'] },
  RecordRestored: {
    type: 'Warning',
    means: 'lock and record came back from a backup, or were copied: what they said was migrated does not count',
  },
  LockTakenOver: { type: 'Normal', means: 'lock and record of an earlier Deployment of this name were taken over' },
  RunUnknown: { type: 'Warning', means: PROBLEMS['unknown-run'] },
  GrantUnreadable: { type: 'Warning', means: PROBLEMS['unreadable-grant'] },
  ProtocolUnknown: { type: 'Warning', means: PROBLEMS['unknown-protocol'] },
  UnservedPod: { type: 'Warning', means: PROBLEMS['foreign-pod'] },
  RunNumbersExhausted: { type: 'Warning', means: PROBLEMS['numbers-exhausted'] },
  PermissionMissing: { type: 'Warning', means: PROBLEMS.forbidden },
  WriteRefused: { type: 'Warning', means: PROBLEMS.refused },
} as const satisfies Record<string, { readonly type: EventType; readonly means: string }>

export type EventReason = keyof typeof EVENT_REASONS

/** Undefined where no Event could be written either. */
const OF_PROBLEM: { readonly [R in ProblemReason]?: EventReason } = {
  'foreign-configmap': 'LockNotOurs',
  'record-edited': 'LockEdited',
  'unknown-run': 'RunUnknown',
  'unreadable-grant': 'GrantUnreadable',
  'unknown-protocol': 'ProtocolUnknown',
  'foreign-pod': 'UnservedPod',
  'numbers-exhausted': 'RunNumbersExhausted',
  forbidden: 'PermissionMissing',
  refused: 'WriteRefused',
}

/**
 * What people are told on the Deployment; undefined where it is of no use to them. Names and numbers only: nothing that a
 * command or an environment says.
 * @param namespace of the Deployment, for the commands that it names
 */
export function eventFor(event: ControllerEvent, namespace: string): Announcement | undefined {
  const logs = `kubectl -n ${namespace} logs`
  switch (event.kind) {
    case 'run-started': {
      const { pod, revision, number } = event
      return say(
        'MigrationStarted',
        `Pod ${pod} runs the migration of revision ${revision} (run ${number}). Follow it: ${logs} -f ${pod} -c migrate-io`,
      )
    }
    case 'run-succeeded': {
      const { pod, revision, number, seconds } = event
      return say(
        'MigrationSucceeded',
        `Revision ${revision} is migrated: run ${number} took ${seconds} s in pod ${pod}.`,
      )
    }
    case 'run-failed': {
      const { pod, revision, number, count, nextAt } = event
      const next =
        nextAt === undefined
          ? 'That is as often as migrate.io/retries allows, so it is not tried again: deploy a corrected version, raise that annotation, or run migrate-io rerun.'
          : `Next try not before ${new Date(nextAt).toISOString()}; pods that serve go on serving.`
      const what = `Run ${number} of revision ${revision} ${howItFailed(event)} in pod ${pod}; failures so far: ${count}.`
      return say(
        'MigrationFailed',
        `${what} ${next} See why: ${logs} ${pod} -c migrate-io (with --previous, where it has started again)`,
      )
    }
    case 'interrupted': {
      const { pod, number, why } = event
      return say(
        'MigrationInterrupted',
        `Nobody can tell the result of run ${number} in pod ${pod}: ${INTERRUPTIONS[why]}. If the revision is still wanted, it runs again.`,
      )
    }
    case 'not-recorded': {
      const { pod, revision, number, exitCode } = event
      const what = `Pod ${pod}, which held the lock for run ${number} of revision ${revision}, ended with ${exitCodeInWords(exitCode)}, and its run number is not in its termination message.`
      const then =
        exitCode === 0
          ? 'So nothing is recorded, and the next pod of the revision runs the command again.'
          : 'It counts as failed.'
      return say(
        'MigrationNotRecorded',
        `${what} ${then} Mostly the command wrote to the file at terminationMessagePath of container migrate-io: have it write elsewhere. See: ${logs} ${pod} -c migrate-io`,
      )
    }
    case 'skipped':
      return say(
        'MigrationSkipped',
        `Revision ${event.revision} is already migrated: its pods start without running it again.`,
      )
    case 'image-moved': {
      const { pod, revision, image, migrated, starts } = event
      return say(
        'ImageMoved',
        `Pod ${pod} starts ${image} as ${starts}, but revision ${revision} was migrated by ${migrated}: the tag has moved, and what the new image would migrate has not been run. To run it: migrate-io rerun. Give each image a tag of its own, or name it by digest.`,
      )
    }
    case 'adopted':
      return say(
        'LockTakenOver',
        event.records === 'kept'
          ? `${event.configMap} had no owner: lock and record are this Deployment's now.`
          : `${event.configMap} was an earlier Deployment's: its lock is kept, its record is not.`,
      )
    case 'made-anew':
      if (event.why === 'missing') return undefined
      if (event.why === 'edited')
        return say('LockEdited', `${event.configMap} had been edited: who holds the lock was found out from the pods.`)
      return say(
        'RecordRestored',
        `${event.configMap} was a copy, as a backup brings it back: what it said was migrated does not count here, so that runs again. Have the backup leave out ConfigMaps with the label ${RECORD_LABEL}.`,
      )
    case 'problem': {
      const reason = OF_PROBLEM[event.reason]
      if (reason === undefined) return undefined
      // Who lacks which permission on what: names only. Other answers may quote what was to be written.
      const detail = event.reason === 'forbidden' && event.detail !== '' ? ` (${event.detail})` : ''
      return say(reason, `${event.object}: ${PROBLEMS[event.reason]}${detail}.`)
    }
    case 'given-up':
      return undefined
  }
}

/** @param note sentences for a person */
export function say(reason: EventReason, note: string): Announcement {
  return { type: EVENT_REASONS[reason].type, reason, action: 'Migrate', note }
}

function howItFailed({ exitCode, isTimeout }: Extract<ControllerEvent, { kind: 'run-failed' }>): string {
  if (isTimeout) return 'was ended at migrate.io/timeout'
  return `failed with ${exitCodeInWords(exitCode)}`
}

const TOLD_KEPT = 10_000 // revisions, of which it is remembered what was said of them

/** Tells people on the Deployment what happened to its migration. */
export class EventPublisher {
  readonly #api: Api
  readonly #recorder: EventRecorder
  /** Once per revision, however many pods skip, and once per image that it starts besides its own. */
  readonly #told = new Set<string>()
  /** Problems, each once for a Deployment, however many of its pods have it and however often it is looked at. */
  readonly #problems: OncePer

  /** @param now milliseconds since 1970 */
  constructor(api: Api, recorder: EventRecorder, now: () => number) {
    this.#api = api
    this.#recorder = recorder
    this.#problems = new OncePer(now, REPEAT_EVENT_MS)
  }

  event(event: ControllerEvent, key: Key): void {
    const announcement = eventFor(event.kind === 'problem' ? withOthers(event) : event, key.namespace)
    if (announcement === undefined) return
    if (event.kind === 'problem' && !this.#problems.isDue(`${keyText(key)} ${event.reason}`)) return
    if (event.kind === 'run-succeeded') this.#isFirst(key, event.revision) // the other pods of that rollout
    if (event.kind === 'skipped' && !this.#isFirst(key, event.revision)) return
    if (event.kind === 'image-moved' && !this.#isFirst(key, `${event.revision} ${event.starts}`)) return
    this.say(announcement, key)
  }

  say(announcement: Announcement, key: Key): void {
    this.#recorder.record(key.namespace, () => this.#find(key), announcement)
  }

  #isFirst(key: Key, what: string): boolean {
    const text = `${keyText(key)} ${what}`
    if (this.#told.has(text)) return false
    const [oldest] = this.#told
    if (this.#told.size >= TOLD_KEPT && oldest !== undefined) this.#told.delete(oldest)
    this.#told.add(text)
    return true
  }

  async #find({ namespace, deployment: name }: Key): Promise<Regarding | undefined> {
    const deployment = await this.#api.read('Deployment', namespace, name)
    if (deployment === undefined) return undefined
    return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: deployment.metadata.uid }
  }
}

/** Of many pods with the same problem one is named. */
function withOthers(problem: Extract<ControllerEvent, { kind: 'problem' }>): ControllerEvent {
  const { object, others = 0 } = problem
  return others === 0 ? problem : { ...problem, object: `${object} and ${others} ${others === 1 ? 'other' : 'others'}` }
}
