import { KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText } from '../lock/key.ts'
import { waitsSince } from '../lock/pod-state.ts'
import { WAITS, type Wait } from '../lock/reasons.ts'
import type { ControllerMetrics } from '../observability/controller-metrics.ts'
import { errorFields, type Logs } from '../observability/logs.ts'
import { Said } from '../observability/once-per.ts'
import { narrate } from './narrate.ts'

const REPEAT_MS = 300_000

/** Tells logs and metrics what the controller did and why pods wait, each thing once. */
export class Teller {
  readonly #logs: Logs
  readonly #metrics: ControllerMetrics
  readonly #said: Said
  readonly #now: () => number
  readonly #waits = new Map<string, Wait>()

  constructor(logs: Logs, metrics: ControllerMetrics, now: () => number) {
    this.#logs = logs
    this.#metrics = metrics
    this.#said = new Said(now, REPEAT_MS)
    this.#now = now
  }

  event(event: ControllerEvent, key: Key): void {
    this.#metrics.event(event)
    if (event.kind === 'problem' && !this.#said.isDue(`${keyText(key)} ${event.reason} ${event.object}`)) return
    if (event.kind === 'image-moved' && !this.#said.isDue(`${keyText(key)} ${event.revision} ${event.starts}`)) return
    const { level, fields, text } = narrate(event)
    this.#logs[level]({ ...key, ...fields }, text)
  }

  /** After each look at a lock that found out why its pods wait, if they do. */
  look(key: Key, wait: Wait | undefined): void {
    const text = keyText(key)
    if (this.#waits.get(text) === wait) return
    if (wait === undefined) this.#waits.delete(text)
    else {
      this.#waits.set(text, wait)
      this.#logs.info({ ...key, reason: wait }, `pods wait: ${WAITS[wait]}`)
    }
    this.#metrics.waiting(this.#waits.values())
  }

  /** A pod changed, or went: whether its wait is over by that. */
  seen(before: Pod, after: Pod | undefined): void {
    const since = waitsSince(before)
    if (since === undefined || (after !== undefined && waitsSince(after) !== undefined)) return
    // The clocks of two machines may differ.
    this.#metrics.waited(Math.max(0, this.#now() - since) / 1000)
  }

  /** What was asked of the API server failed, and is tried again by itself; or, if it is no KubeError, we made a mistake. */
  trouble(error: unknown, what: string): void {
    if (!(error instanceof KubeError)) {
      this.#metrics.callFailed('fault')
      this.#logs.error(errorFields(error), what)
      return
    }
    const { code, outline } = error
    this.#metrics.callFailed(code)
    if (this.#said.isDue(`${what} ${outline}`)) this.#logs.warn({ code, detail: outline }, what)
  }

  /** Another controller leads, or this one anew: what it knew of waiting pods is for the leader to say. */
  forget(): void {
    this.#waits.clear()
    this.#metrics.waiting([])
  }
}
