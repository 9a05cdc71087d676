import type { ProblemReason } from './reasons.ts'

/** What the controller did or saw, for logs, Events and metrics. Times in milliseconds since 1970. */
export type ControllerEvent =
  | { readonly kind: 'run-started'; readonly pod: string; readonly revision: string; readonly number: number }
  | {
      readonly kind: 'run-succeeded'
      readonly pod: string
      readonly revision: string
      readonly number: number
      readonly seconds: number
    }
  | {
      readonly kind: 'run-failed'
      readonly pod: string
      readonly revision: string
      readonly number: number
      readonly exitCode: number
      readonly isTimeout: boolean
      /** How often this revision has failed. */
      readonly count: number
      /** Undefined where it is not tried again. */
      readonly nextAt: number | undefined
    }
  | {
      readonly kind: 'interrupted'
      readonly pod: string
      readonly number: number
      readonly why: 'pod-gone' | 'pod-failed' | 'pod-deleted' | 'stale'
    }
  /** Its container ended without the run number in its message: a success is lost by that, a failure was counted late. */
  | {
      readonly kind: 'not-recorded'
      readonly pod: string
      readonly revision: string
      readonly number: number
      readonly exitCode: number
    }
  /** The number was given back unused. */
  | { readonly kind: 'given-up'; readonly pod: string; readonly number: number }
  | { readonly kind: 'skipped'; readonly pod: string; readonly revision: string }
  /** A pod of a recorded revision has another image than its run had. Both are digests. */
  | {
      readonly kind: 'image-moved'
      readonly pod: string
      readonly revision: string
      readonly image: string
      readonly migrated: string
      readonly starts: string
    }
  | { readonly kind: 'made-anew'; readonly configMap: string; readonly why: 'missing' | 'edited' | 'copied' }
  | { readonly kind: 'adopted'; readonly configMap: string; readonly records: 'kept' | 'dropped' }
  | {
      readonly kind: 'problem'
      readonly reason: ProblemReason
      readonly object: string
      /** How many more objects have the same problem; left out: none is known of. */
      readonly others?: number
      readonly detail: string
    }
