/** Why a Deployment was treated as it was. The key is the metric's label, the log field and what `explain` prints. */
export const REASONS = {
  injected: 'the migration was injected',
  'user-parts-unchanged': 'the injected parts stay as they were, since nothing of yours changed in the template',
  'released-wrapper': 'it came with a wrapper that was once released and stays as it came',
  'annotation-removed': 'everything of ours was taken off, since migrate.io/command is gone',
  'not-opted-in': 'everything of ours was taken off, since the namespace has not opted in',
  'no-annotation': 'it has no migrate.io/command',
  'not-injected': 'it holds nothing of ours',
  'being-deleted': 'it is being deleted',
  'old-faults': 'it had faults before this change and still has them, so it was left as it is',
  'unknown-annotation': 'it has a migrate.io/ annotation that does not exist',
  'bad-value': 'an annotation has a value that is not allowed',
  'missing-container': 'migrate.io/container names a container that it does not have',
  'name-clash': 'it uses a name or a path that the injected parts need',
  'state-in-template': 'its pod template carries state that only the controller writes',
  windows: 'its pods run on Windows, where the wrapper cannot run',
  'no-grace-period': 'its pods have no grace period, so nobody could see when a run that is cut off has ended',
  malformed: 'it is not a Deployment as Kubernetes defines it',
} as const

export type Reason = keyof typeof REASONS
