import type { ConfigMap, Deployment, Pod } from '../kube/objects.ts'
import type { ControllerEvent } from './event.ts'
import type { RunGrant } from './grant.ts'
import type { End } from './pod-state.ts'
import type { ProblemReason, Wait } from './reasons.ts'
import type { Holder, LockRecord } from './record.ts'

/** The record that a write replaces: a compare-and-swap on its ConfigMap. */
export interface Stored {
  readonly configMap: ConfigMap
  readonly record: LockRecord
}

/** The next step for one lock. Each can be repeated, and given up at any point. */
export type Decision =
  | { readonly kind: 'read-pod'; readonly name: string }
  | { readonly kind: 'read-named'; readonly lock: string }
  /** A record that says nothing yet, so that whoever finds it has something to compare and swap. */
  | { readonly kind: 'create-blank'; readonly deployment: Deployment }
  | { readonly kind: 'make-anew'; readonly deployment: Deployment; readonly configMap: ConfigMap }
  | { readonly kind: 'take-over'; readonly stored: Stored; readonly deployment: Deployment; readonly keep: boolean }
  | { readonly kind: 'skip'; readonly pod: Pod; readonly revision: string }
  | { readonly kind: 'adopt-run'; readonly stored: Stored; readonly pod: Pod; readonly grant: RunGrant }
  | {
      readonly kind: 'acquire'
      readonly stored: Stored
      readonly pod: Pod
      readonly number: number
      readonly lock: string | undefined
    }
  | { readonly kind: 'take-named'; readonly holder: Holder; readonly lock: string }
  | { readonly kind: 'rebuild-named'; readonly lock: string }
  | { readonly kind: 'grant'; readonly stored: Stored; readonly pod: Pod; readonly holder: Holder }
  /** Writes `wait n`: from then on nobody can grant n. On the own holder, or on one that has the named lock. */
  | { readonly kind: 'settle'; readonly pod: Pod; readonly number: number; readonly of: 'own' | 'named' }
  | { readonly kind: 'unmark'; readonly pod: Pod }
  /** @see nudgeAt. `wait`: what there is to do else. */
  | { readonly kind: 'nudge'; readonly pod: Pod; readonly wait: Extract<Waiting, { kind: 'wait' }> }
  | {
      readonly kind: 'complete'
      readonly stored: Stored
      readonly holder: Holder
      readonly pod: Pod
      readonly end: Extract<End, { kind: 'success' }>
    }
  | {
      readonly kind: 'fail'
      readonly stored: Stored
      readonly holder: Holder
      readonly end: Extract<End, { kind: 'failure' }>
    }
  | { readonly kind: 'release'; readonly stored: Stored; readonly holder: Holder; readonly event: ControllerEvent }
  | Waiting

export type Waiting =
  /** Nothing to do before the next event, or before `until` (milliseconds since 1970). */
  | {
      readonly kind: 'wait'
      readonly why: Wait | undefined
      readonly until: number | undefined
      /** Wants this named lock next. */
      readonly lock?: string
    }
  | { readonly kind: 'blocked'; readonly reason: ProblemReason; readonly object: string; readonly until: number }
