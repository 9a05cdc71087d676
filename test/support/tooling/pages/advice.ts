import type { EventReason } from '../../../../src/controller/events.ts'

/** What to do about each Event, for people who meet it in `kubectl describe deployment`. */
export const ADVICE: { readonly [R in EventReason]: string } = {
  MigrationStarted: 'Nothing. `migrate-io logs DEPLOYMENT -f` shows its output.',
  MigrationSucceeded: 'Nothing.',
  MigrationFailed: 'See [a migration fails](../how-to/failing-migration.md).',
  MigrationInterrupted: 'Nothing, if the command can run twice. Otherwise check the state of the database.',
  MigrationNotRecorded:
    'Make the command leave the file at `terminationMessagePath` of container `migrate-io` alone; see [a migration fails](../how-to/failing-migration.md#it-ended-and-was-not-recorded).',
  MigrationSkipped: 'Nothing.',
  MigrationWaiting: 'Read what it waits for; `migrate-io status DEPLOYMENT` says more.',
  RunnerNodeLost: 'Bring the node back, or see [a lock that is not let go](../how-to/stuck-lock.md).',
  ImageLacksShell:
    'Build the app on an image with both, or set `migrate.io/container` to another container of the template.',
  ProgressDeadlinePassed: 'See [long migrations](../how-to/long-migrations.md).',
  LockNotOurs: 'Rename or delete that ConfigMap.',
  ImageMoved:
    'Run `migrate-io rerun DEPLOYMENT`, whose new revision migrates with the new image. Give each image its own tag, or refer to images by digest.',
  LockEdited: 'Nothing; leave `number` and `holder` alone.',
  RecordRestored:
    'Nothing: the migration runs again. Exclude objects with the label `migrate.io/record` from your backups; see [rollbacks](../how-to/rollbacks.md).',
  LockTakenOver: 'Nothing.',
  RunUnknown:
    'Nothing: the controller waits for the pod. Find out who writes `migrate.io/grant`; the policies of `deploy/` forbid it.',
  GrantUnreadable: 'Delete the pod; find out who writes `migrate.io/grant`.',
  ProtocolUnknown: 'Update the controller, or restart the rollout, so that the installed version injects again.',
  UnservedPod:
    'Delete the pod, or create it without the init container `migrate-io`; see [a pod that is no Deployment’s](../how-to/nothing-happens.md#a-pod-ends-with-exit-code-78).',
  RunNumbersExhausted: 'Do what the Event says, and find out who wrote that number.',
  PermissionMissing: 'Apply the manifests or the chart of the installed version again.',
  WriteRefused: 'See the log of the controller for the answer of the API server: a quota, a policy or another webhook.',
}
