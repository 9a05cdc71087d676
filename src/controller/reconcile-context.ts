import type { Api, KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { Waiting } from '../lock/decide.ts'
import type { ControllerEvent } from '../lock/event.ts'
import type { Key } from '../lock/key.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import type { Waiters } from '../lock/waiters.ts'

/** An image that a pod of a revision was given. */
export interface SeenImage {
  readonly pod: string
  readonly node: string
  readonly revision: string
  readonly imageID: string
}

/** What the watch shows. It may be old, and lack pods or hold ones that are gone: nothing rests on it but speed. */
export interface View {
  /** Those of all Deployments of this name that have the protocol label and phase Pending. */
  pods(key: Key): readonly Pod[]
  /** With which images pods of this lock were seen since this was last asked. */
  images?(key: Key): readonly SeenImage[]
}

/** All that reconciling a lock needs from outside. */
export interface ReconcileContext {
  readonly api: Api
  readonly view: View
  /** Milliseconds since 1970. */
  now(): number
  /** From 0 to below 1. */
  random(): number
  /** What decides which digests of images a node shows; undefined where that can't be found out. Never throws. */
  platform?(node: string): Promise<string | undefined>
  /** One for all reconciliations of a controller. */
  readonly waiters: Waiters
  /** May be called for writes that a crash hides from every other controller: an event may be reported twice, or never. */
  report(event: ControllerEvent, key: Key): void
}

/**
 * What is known after an action: a snapshot to go on from, or that all has to be read again, or to wait.
 * `released`: the named lock that was let go, as text.
 */
export type ActionResult =
  | { readonly kind: 'on'; readonly snapshot: Snapshot; readonly released?: string | undefined }
  /** A write met a conflict, and what it was about was read again: it may be tried as often as any conflict. */
  | { readonly kind: 'stale'; readonly snapshot: Snapshot; readonly conflict: KubeError }
  | { readonly kind: 'again'; readonly released?: string | undefined }
  | Extract<Waiting, { kind: 'wait' }>

/** What is reported of a call that was not answered, or answered by a refusal. @param error of any code but `conflict` */
export function problemOf({ code, outline }: KubeError, object: string): ControllerEvent {
  const reason = code === 'forbidden' || code === 'unavailable' ? code : 'refused'
  return { kind: 'problem', reason, object, detail: outline }
}
