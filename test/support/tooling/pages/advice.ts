import type { EventReason } from '../../../../src/controller/events.ts'

/** What to do about each Event, for people who meet it in `kubectl describe deployment`. */
export const ADVICE: { readonly [R in EventReason]: string } = {
  MigrationStarted: 'Nothing. `migrate-io logs DEPLOYMENT -f` shows its output.',
  MigrationSucceeded: 'Nothing.',
  MigrationFailed: 'See [a migration fails](../how-to/failing-migration.md).',
  MigrationInterrupted: 'Nothing, if the command can be run twice. Else see what state the database is in.',
  MigrationNotRecorded:
    'Have the command leave the file at `terminationMessagePath` of container `migrate-io` alone; see [a migration fails](../how-to/failing-migration.md#it-ended-and-was-not-recorded).',
  MigrationSkipped: 'Nothing.',
  MigrationWaiting: 'Read what it waits for; `migrate-io status DEPLOYMENT` says more.',
  RunnerNodeLost: 'Bring the node back, or see [a lock that is not let go](../how-to/stuck-lock.md).',
  ImageLacksShell:
    'Build the app on an image with both, or name another container of the template by `migrate.io/container`.',
  ProgressDeadlinePassed: 'See [long migrations](../how-to/long-migrations.md).',
  LockNotOurs: 'Rename or delete that ConfigMap.',
  ImageMoved:
    'Run `migrate-io rerun DEPLOYMENT`, whose new revision migrates with the new image. Give each image a tag of its own, or name images by digest.',
  LockEdited: 'Nothing; leave `number` and `holder` alone.',
  RecordRestored:
    'Nothing: the migration runs again. Have the backup leave out what has the label `migrate.io/record`; see [rollbacks](../how-to/rollbacks.md).',
  LockTakenOver: 'Nothing.',
  RunUnknown: 'Nothing: it is waited for. Find out who writes `migrate.io/grant`; the policies of `deploy/` forbid it.',
  GrantUnreadable: 'Delete the pod; find out who writes `migrate.io/grant`.',
  ProtocolUnknown: 'Update the controller, or restart the rollout, so that the installed version injects anew.',
  UnservedPod:
    'Delete the pod, or make it without the init container `migrate-io`; see [a pod that is no Deployment’s](../how-to/nothing-happens.md#a-pod-ends-with-exit-code-78).',
  RunNumbersExhausted: 'Do what it says, and find out who wrote that.',
  PermissionMissing: 'Apply the manifests or the chart of the installed version again.',
  WriteRefused: 'See the log of the controller for the answer of the API server: a quota, a policy or another webhook.',
}
