/** Why nothing is granted for now. The key is the log field, the Event's reason and the metric's label. */
export const WAITS = {
  running: 'a run is under way',
  backoff: 'the last run failed; the next one waits for its time',
  'gave-up':
    'it failed as often as migrate.io/retries allows: deploy a corrected version, raise that, or run `migrate-io rerun`',
  'rollout-unsettled': 'the Deployment controller has not caught up with the latest change',
  'lock-busy': 'the lock of migrate.io/lock is held by another Deployment',
  'lock-unsettled': 'the lock of migrate.io/lock was lost, and a pod may still be running with it; that is waited for',
  'lock-turn': 'another Deployment has waited longer for the lock of migrate.io/lock',
  'no-deployment': 'its Deployment is gone, or is being deleted',
  'skip-later': 'pods of a recorded revision read the record by themselves in a moment',
  'not-current': 'its pods wait, but belong to a revision that is not being rolled out',
} as const

export type Wait = keyof typeof WAITS

/** Why pods wait, as the label of metrics. */
export const WAIT_KINDS = {
  ...WAITS,
  unknown: 'the controller could not find out, or has not looked yet; migrate_io_problems_total may say why',
} as const

export type WaitKind = keyof typeof WAIT_KINDS

/** What keeps the controller from working until a person fixes it. */
export const PROBLEMS = {
  'foreign-configmap': 'a ConfigMap with the name of the lock is not ours; rename or delete it',
  'record-edited': 'somebody wrote into the lock; who holds it is found out from the pods',
  'unknown-run': 'a pod was told to run by somebody else; the lock is held for it until it ends',
  'unreadable-grant': 'the migrate.io/grant of a pod was written by somebody else; the pod is left out',
  'unknown-protocol': 'a pod speaks a protocol of another version; it is left alone',
  'foreign-pod':
    'a pod has the injected init container, but no Deployment made it; it is left out and never gets a run',
  'numbers-exhausted':
    'the highest possible run number was written by hand: take it off the pod, and delete the ConfigMap of the lock if it has it too',
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
  'pod-gone': 'its pod is gone, and with it whether the command ended, or began',
  'pod-failed': 'its pod was ended as a whole, as by an eviction',
  'pod-deleted': 'the command was ended because its pod is being deleted',
  stale: 'its container was started again, and how the command ended before was not seen',
} as const
