import type { Announcement, EventType } from '../kube/event-recorder.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { exitCodeInWords } from '../lock/pod-state.ts'
import { INTERRUPTIONS, PROBLEMS, type ProblemReason } from '../lock/reasons.ts'
import { RECORD_LABEL } from '../names.ts'
import type { ControllerMetrics } from '../observability/controller-metrics.ts'

const DETAIL_MAX_CHARACTERS = 400 // what an API server, or a policy, says can be long

/** Every reason of the Events that the controller writes: what people filter by, and what the reference page is made from. */
export const EVENT_REASONS = {
  MigrationStarted: { type: 'Normal', means: 'a pod got the lock and runs the migration' },
  MigrationSucceeded: { type: 'Normal', means: 'the migration succeeded; this revision never runs it again' },
  MigrationFailed: { type: 'Warning', means: 'the command failed, or ran longer than `migrate.io/timeout`' },
  MigrationInterrupted: { type: 'Warning', means: 'the result of a run is unknown, so the migration runs again' },
  MigrationNotRecorded: {
    type: 'Warning',
    means:
      'a run ended without its run number in its termination message; in that case a success is not recorded, and the revision runs again',
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
    means: 'a pod of a migrated revision starts a different image from the one that migrated it: the tag has moved',
  },
  LockNotOurs: { type: 'Warning', means: PROBLEMS['foreign-configmap'] },
  LockEdited: { type: 'Warning', means: PROBLEMS['record-edited'] },
  RecordRestored: {
    type: 'Warning',
    means: 'the lock and record were restored from a backup or copied: what they list as migrated does not count',
  },
  LockTakenOver: {
    type: 'Normal',
    means: 'the lock and record of an earlier Deployment with this name were taken over',
  },
  RunUnknown: { type: 'Warning', means: PROBLEMS['unknown-run'] },
  GrantUnreadable: { type: 'Warning', means: PROBLEMS['unreadable-grant'] },
  ProtocolUnknown: { type: 'Warning', means: PROBLEMS['unknown-protocol'] },
  UnservedPod: { type: 'Warning', means: PROBLEMS['foreign-pod'] },
  RunNumbersExhausted: { type: 'Warning', means: PROBLEMS['numbers-exhausted'] },
  PermissionMissing: { type: 'Warning', means: PROBLEMS.forbidden },
  WriteRefused: { type: 'Warning', means: PROBLEMS.refused },
} as const satisfies Record<string, { readonly type: EventType; readonly means: string }>

export type EventReason = keyof typeof EVENT_REASONS

/** As which Event a problem is published; left out where no Event could be written either. */
const EVENT_REASON_OF: { readonly [R in ProblemReason]?: EventReason } = {
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

/** A line of the log: each of the `fields` is a name, a number or a key of a table, never what a user wrote. */
export interface LogLine {
  readonly level: 'info' | 'warn'
  readonly fields: Readonly<Record<string, string | number | boolean>>
  readonly text: string
}

type Kind = ControllerEvent['kind']
type Of<K extends Kind> = Extract<ControllerEvent, { kind: K }>

/** The log line, the Kubernetes Event and the metric of one kind of ControllerEvent. */
interface Row<E extends ControllerEvent> {
  log(event: E): LogLine
  /**
   * What people are told on the Deployment; left out, or undefined, where it is of no use to them. Names and numbers only: nothing
   * that a command or an environment says.
   * @param namespace of the Deployment, for the commands that it names
   */
  publish?(event: E, namespace: string): Announcement | undefined
  count?(metrics: EventCounters, event: E): void
}

type EventCounters = Pick<ControllerMetrics, 'runEnded' | 'podSkipped' | 'problemMet'>

/** What each ControllerEvent looks like to people. How often it is said is up to the reporter. */
const ROWS: { readonly [K in Kind]: Row<Of<K>> } = {
  'run-started': {
    log: ({ kind, pod, revision, number }) => info({ kind, pod, revision, run: number }, 'the migration starts'),
    publish: ({ pod, revision, number }, namespace) =>
      announcement(
        'MigrationStarted',
        `Pod ${pod} runs the migration of revision ${revision} (run ${number}). Follow it: ${logsCommand(namespace)} -f ${pod} -c migrate-io`,
      ),
  },
  'run-succeeded': {
    log: ({ kind, pod, revision, number, seconds }) =>
      info({ kind, pod, revision, run: number, seconds }, 'the migration succeeded: this revision never runs it again'),
    publish: ({ pod, revision, number, seconds }) =>
      announcement(
        'MigrationSucceeded',
        `Revision ${revision} is migrated: run ${number} took ${seconds} s in pod ${pod}.`,
      ),
    count: (metrics, { seconds }) => metrics.runEnded('succeeded', seconds),
  },
  'run-failed': {
    log({ kind, pod, revision, number, exitCode, isTimeout, count, nextAt }) {
      const next = nextAt === undefined ? 'no more tries' : `next try at ${new Date(nextAt).toISOString()}`
      const what = isTimeout ? 'the migration reached migrate.io/timeout' : 'the migration failed'
      return warn(
        { kind, pod, revision, run: number, exitCode, timeout: isTimeout, failures: count },
        `${what}; ${next}`,
      )
    },
    publish({ pod, revision, number, exitCode, isTimeout, count, nextAt }, namespace) {
      const how = isTimeout ? 'was terminated at migrate.io/timeout' : `failed with ${exitCodeInWords(exitCode)}`
      const next =
        nextAt === undefined
          ? 'migrate.io/retries allows no more attempts, so it is not retried: deploy a corrected version, raise that annotation, or run migrate-io rerun.'
          : `The next attempt starts no earlier than ${new Date(nextAt).toISOString()}; pods that serve keep serving.`
      const what = `Run ${number} of revision ${revision} ${how} in pod ${pod}; failures so far: ${count}.`
      return announcement(
        'MigrationFailed',
        `${what} ${next} See why: ${logsCommand(namespace)} ${pod} -c migrate-io (add --previous if the container has restarted)`,
      )
    },
    count: (metrics) => metrics.runEnded('failed'),
  },
  interrupted: {
    log: ({ kind, pod, number, why }) =>
      warn({ kind, pod, run: number, why }, `the result of a run is unknown: ${INTERRUPTIONS[why]}`),
    publish: ({ pod, number, why }) =>
      announcement(
        'MigrationInterrupted',
        `The result of run ${number} is unknown (pod ${pod}): ${INTERRUPTIONS[why]}. If the revision is still wanted, it runs again.`,
      ),
    count: (metrics) => metrics.runEnded('interrupted'),
  },
  'not-recorded': {
    log: ({ kind, pod, revision, number, exitCode }) =>
      warn(
        { kind, pod, revision, run: number, exitCode },
        'a container ended without its run number in its termination message: in that case a success is not recorded',
      ),
    publish({ pod, revision, number, exitCode }, namespace) {
      const what = `Pod ${pod}, which held the lock for run ${number} of revision ${revision}, ended with ${exitCodeInWords(exitCode)}, but its run number is not in its termination message.`
      const then =
        exitCode === 0
          ? 'Nothing is recorded, so the next pod of the revision runs the command again.'
          : 'It counts as failed.'
      return announcement(
        'MigrationNotRecorded',
        `${what} ${then} The usual cause is that the command wrote to the file at terminationMessagePath of container migrate-io: make it write elsewhere. See its output: ${logsCommand(namespace)} ${pod} -c migrate-io`,
      )
    },
  },
  'given-up': {
    log: ({ kind, pod, number }) => info({ kind, pod, run: number }, 'the run number was returned unused'),
  },
  skipped: {
    log: ({ kind, pod, revision }) =>
      info({ kind, pod, revision }, 'this revision is already migrated: the pod starts without a run'),
    publish: ({ revision }) =>
      announcement(
        'MigrationSkipped',
        `Revision ${revision} is already migrated: its pods start without running it again.`,
      ),
    count: (metrics) => metrics.podSkipped(),
  },
  'image-moved': {
    log: ({ kind, pod, revision, image, migrated, starts }) =>
      warn(
        { kind, pod, revision, image, migrated, starts },
        'a pod of a migrated revision starts a different image from the one that migrated it: the tag has moved',
      ),
    publish: ({ pod, revision, image, migrated, starts }) =>
      announcement(
        'ImageMoved',
        `Pod ${pod} starts ${image} as ${starts}, but revision ${revision} was migrated by ${migrated}: the tag has moved, and the migrations of the new image have not run. To run them: migrate-io rerun. Give each image its own tag, or refer to it by digest.`,
      ),
  },
  'made-anew': {
    log({ kind, configMap, why }) {
      if (why === 'missing') return info({ kind, configMap }, 'created the lock and record')
      return warn(
        { kind, configMap, why },
        why === 'edited'
          ? 'the lock had been edited and was rebuilt from the pods'
          : 'the lock and record were a copy, for example from a backup, and were rebuilt from the pods',
      )
    },
    publish({ configMap, why }) {
      if (why === 'missing') return undefined
      if (why === 'edited')
        return announcement(
          'LockEdited',
          `${configMap} had been edited: the controller found out from the pods which one holds the lock.`,
        )
      return announcement(
        'RecordRestored',
        `${configMap} was a copy, for example restored from a backup: what it lists as migrated does not count here and runs again. Exclude ConfigMaps with the label ${RECORD_LABEL} from your backups.`,
      )
    },
  },
  adopted: {
    log: ({ kind, configMap, records }) =>
      info({ kind, configMap, records }, 'took over the lock and record of an earlier Deployment with this name'),
    publish: ({ configMap, records }) =>
      announcement(
        'LockTakenOver',
        records === 'kept'
          ? `${configMap} had no owner: the lock and record now belong to this Deployment.`
          : `${configMap} belonged to an earlier Deployment: its lock is kept, its record is not.`,
      ),
  },
  problem: {
    log({ kind, reason, object, detail }) {
      const quoted = detail === '' ? {} : { detail: detail.slice(0, DETAIL_MAX_CHARACTERS) }
      return warn({ kind, reason, object, ...quoted }, PROBLEMS[reason])
    },
    publish({ reason, object, others = 0, detail }) {
      const eventReason = EVENT_REASON_OF[reason]
      if (eventReason === undefined) return undefined
      // Of many pods with the same problem one is named.
      const objects = others === 0 ? object : `${object} and ${others} ${others === 1 ? 'other' : 'others'}`
      // Who lacks which permission on what: names only. Other answers may quote what was to be written.
      const quoted = reason === 'forbidden' && detail !== '' ? ` (${detail})` : ''
      return announcement(eventReason, `${objects}: ${PROBLEMS[reason]}${quoted}.`)
    },
    count: (metrics, { reason }) => metrics.problemMet(reason),
  },
}

export function logLineFor(event: ControllerEvent): LogLine {
  return rowOf(event).log(event)
}

/** The Event for the Deployment. @see Row.publish */
export function announcementFor(event: ControllerEvent, namespace: string): Announcement | undefined {
  return rowOf(event).publish?.(event, namespace)
}

export function countEvent(metrics: EventCounters, event: ControllerEvent): void {
  rowOf(event).count?.(metrics, event)
}

function rowOf<K extends Kind>(event: Of<K>): Row<Of<K>> {
  return ROWS[event.kind as K]
}

/** @param note sentences for a person */
export function announcement(reason: EventReason, note: string): Announcement {
  return { type: EVENT_REASONS[reason].type, reason, action: 'Migrate', note }
}

function logsCommand(namespace: string): string {
  return `kubectl -n ${namespace} logs`
}

function info(fields: LogLine['fields'], text: string): LogLine {
  return { level: 'info', fields, text }
}

function warn(fields: LogLine['fields'], text: string): LogLine {
  return { level: 'warn', fields, text }
}
