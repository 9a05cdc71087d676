import type { KubeError } from '../kube/api.ts'
import type { Waiting } from '../lock/decide.ts'
import type { Snapshot } from '../lock/snapshot.ts'

/**
 * What is known after a step: a snapshot to go on from, or that all has to be read again, or to wait.
 * `released`: the named lock that was let go, as text.
 */
export type Acted =
  | { readonly kind: 'on'; readonly snapshot: Snapshot; readonly released?: string | undefined }
  /** A write met a conflict, and what it was about was read again: it may be tried as often as any conflict. */
  | { readonly kind: 'stale'; readonly snapshot: Snapshot; readonly conflict: KubeError }
  | { readonly kind: 'again'; readonly released?: string | undefined }
  | Extract<Waiting, { kind: 'wait' }>
