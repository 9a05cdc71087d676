/** Why a Deployment was treated as it was. The key is the metric's label, the log field and what `explain` prints. */
export const REASONS = {
  injected: 'the migration was injected',
  'user-parts-unchanged': 'the injected parts stay as they were, since nothing of yours changed',
  'released-wrapper': 'it came with a wrapper that was once released and stays as it came',
  'annotation-removed': 'everything of ours was taken off, since migrate.io/command is gone',
  'not-opted-in': 'everything of ours was taken off, since the namespace has not opted in',
  'no-annotation': 'it has no migrate.io/command',
  'being-deleted': 'it is being deleted',
  'old-faults': 'it has faults that it had before, so it was left as it is',
  'invalid': 'what it asks for is not possible',
  'malformed': 'it is not a Deployment as Kubernetes defines it',
} as const

export type Reason = keyof typeof REASONS
