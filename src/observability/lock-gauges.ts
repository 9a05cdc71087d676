import type { Pod } from '../kube/objects.ts'
import { type Key, keyText, parseKey } from '../lock/key.ts'
import { waitsSince } from '../lock/pod-state.ts'
import type { Wait, WaitKind } from '../lock/reasons.ts'
import { type LockStatus, NOTHING_KNOWN } from '../lock/snapshot.ts'

/** Pods that wait for the same kind of reason. */
export interface WaitingPods {
  readonly pods: number
  /** When the first of them began to wait; milliseconds since 1970. */
  readonly oldestAt: number
}

/** The watched pods by the text of the lock's key that they are about. */
interface WatchedPods {
  keys(): readonly string[]
  pods(key: Key): readonly Pod[]
}

/** What reconciling a lock found out. */
interface Found extends LockStatus {
  /** Why its waiting pods still wait; undefined where none does. */
  readonly waitReason: Wait | undefined
  /** False where something kept it from finding out. */
  readonly isKnown: boolean
}

/** The state of locks and pods, as each was reconciled last: for metrics only, nothing is decided by it. */
export class LockGauges {
  readonly #pods: WatchedPods
  /** Only locks that are held, waited for or failing. */
  readonly #found = new Map<string, LockStatus & Pick<Found, 'waitReason'>>()

  constructor(pods: WatchedPods) {
    this.#pods = pods
  }

  /** Each time that a lock was reconciled. */
  note(key: Key, result: Found): void {
    const text = keyText(key)
    // One that found nothing out leaves what was known, but for why pods wait.
    const before = this.#found.get(text) ?? NOTHING_KNOWN
    const { waitReason, heldSince, ...known } = result.isKnown ? result : { ...before, waitReason: undefined }
    // Without a pod nothing is being rolled out; the next one has it reconciled.
    const hasFailed = known.hasFailed && this.#pods.pods(key).length > 0
    if (waitReason === undefined && heldSince === undefined && !hasFailed) this.#found.delete(text)
    else this.#found.set(text, { waitReason, heldSince, hasFailed })
  }

  /** Another controller leads. */
  forget(): void {
    this.#found.clear()
  }

  waits(): ReadonlyMap<WaitKind, WaitingPods> {
    const waits = new Map<WaitKind, WaitingPods>()
    for (const text of this.#pods.keys()) {
      const kind = this.#found.get(text)?.waitReason ?? 'unknown'
      for (const pod of this.#pods.pods(parseKey(text))) {
        const since = waitsSince(pod)
        if (since === undefined) continue
        const { pods, oldestAt } = waits.get(kind) ?? { pods: 0, oldestAt: since }
        waits.set(kind, { pods: pods + 1, oldestAt: Math.min(oldestAt, since) })
      }
    }
    return waits
  }

  /** Since when each lock is held that is, in milliseconds since 1970. */
  holds(): readonly number[] {
    return [...this.#found.values()].flatMap(({ heldSince }) => heldSince ?? [])
  }

  /** Deployments that roll out a revision which has failed and not succeeded since. */
  failing(): number {
    return this.#pods.keys().filter((text) => this.#found.get(text)?.hasFailed === true).length
  }
}
