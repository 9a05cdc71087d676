/** Why nothing is granted for now. The key is the log field, the Event's reason and the metric's label. */
export const WAITS = {
  running: 'a run is in progress',
  backoff: 'the last run failed; the next one starts after a backoff',
  'gave-up':
    'the migration failed as often as migrate.io/retries allows: deploy a corrected version, raise migrate.io/retries, or run `migrate-io rerun`',
  'rollout-unsettled': 'the Deployment controller has not caught up with the latest change',
  'lock-busy': 'another Deployment holds the lock named in migrate.io/lock',
  'lock-unsettled':
    'the record of the lock named in migrate.io/lock was lost; the controller waits for a pod that may still be running under it',
  'lock-turn': 'another Deployment has waited longer for the lock named in migrate.io/lock',
  'no-deployment': 'the Deployment is gone or is being deleted',
  'skip-later': 'pods of a recorded revision will read the record themselves in a moment',
  'not-current': 'the waiting pods belong to a revision that is not being rolled out',
} as const

export type Wait = keyof typeof WAITS

/** Why pods wait, as the label of metrics. */
export const WAIT_KINDS = {
  ...WAITS,
  unknown: 'the controller could not find out, or has not checked yet; migrate_io_problems_total may say why',
} as const

export type WaitKind = keyof typeof WAIT_KINDS

/** What keeps the controller from working until a person fixes it. */
export const PROBLEMS = {
  'foreign-configmap': "a ConfigMap with the lock's name exists but wasn't created by migrate.io; rename or delete it",
  'record-edited':
    "another client edited the lock's ConfigMap; the controller finds out from the pods which one holds the lock",
  'unknown-run': 'another client granted a run to a pod; the lock is held for that pod until its run ends',
  'unreadable-grant': 'another client wrote the migrate.io/grant annotation of a pod; the controller ignores the pod',
  'unknown-protocol': 'a pod uses another version of the protocol; the controller leaves it alone',
  'foreign-pod':
    'a pod has the injected init container, but no Deployment created it; the controller ignores it, and it never gets a run',
  'numbers-exhausted':
    "the highest possible run number was written by hand: remove it from the pod, and delete the lock's ConfigMap if it contains that number too",
  forbidden: 'the controller lacks a permission',
  refused: 'the API server refuses what the controller writes, and would refuse it again',
  unavailable: 'the API server does not answer',
} as const

export type ProblemReason = keyof typeof PROBLEMS

/**
 * Why it can't be known how a run ended. Nothing is promised: a revision runs again only if it is still wanted, and a run
 * whose pod is gone may never have begun.
 */
export const INTERRUPTIONS = {
  'pod-gone': "its pod is gone, so migrate.io can't tell whether the command started or ended",
  'pod-failed': 'its whole pod was terminated, for example by an eviction',
  'pod-deleted': 'the command was terminated because its pod is being deleted',
  stale: 'its container was restarted, and the result of the command before that was not seen',
} as const
