import type { JsonObject } from '../json.ts'
import type { Reason } from './reasons.ts'

/** What somebody asks for: a Deployment to be stored, and the one that it replaces. */
export interface Change {
  /** The Deployment as sent. */
  readonly object: JsonObject
  /** The stored Deployment that an UPDATE replaces; absent on CREATE. */
  readonly oldObject?: JsonObject
  /** Whether the namespace opted in. Outside, ours is only ever taken off. */
  readonly optedIn: boolean
}

/** What becomes of it. `warnings` and `problems` are whole sentences for the person who sent it. */
export type Decision =
  | {
      /** injected: made anew; kept: the injected parts stay as they were; stripped: ours was taken off; untouched. */
      readonly kind: 'injected' | 'kept' | 'stripped' | 'untouched'
      readonly reason: Reason
      /** The Deployment to store. Shares every untouched part with `Change.object`; the very same object if nothing changed. */
      readonly deployment: JsonObject
      readonly warnings: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly reason: Reason
      readonly problems: readonly string[]
      readonly warnings: readonly string[]
    }
