import type { ControllerMetrics } from '../observability/controller-metrics.ts'
import type { Logs } from '../observability/logs.ts'
import type { ControllerEvent } from './event.ts'
import { type Key, keyText } from './key.ts'
import { narrate } from './narrate.ts'
import { WAITS, type Wait } from './reasons.ts'

const REPEAT_MS = 300_000 // a problem that lasts is said again after this long

/** Tells logs and metrics what the controller did and why pods wait, each thing once. */
export class Teller {
  readonly #logs: Logs
  readonly #metrics: ControllerMetrics
  readonly #now: () => number
  /** When each lasting problem was said last. */
  readonly #said = new Map<string, number>()
  readonly #waits = new Map<string, Wait>()

  constructor(logs: Logs, metrics: ControllerMetrics, now: () => number) {
    this.#logs = logs
    this.#metrics = metrics
    this.#now = now
  }

  event(event: ControllerEvent, key: Key): void {
    this.#metrics.event(event)
    if (event.kind === 'problem' && this.#wasSaid(`${keyText(key)} ${event.reason} ${event.object}`)) return
    const { level, fields, text } = narrate(event)
    this.#logs[level]({ ...key, ...fields }, text)
  }

  /** After each look at a lock: why its pods wait, if they do. */
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

  /** Another controller leads, or this one anew: what it knew of waiting pods is for the leader to say. */
  forget(): void {
    this.#waits.clear()
    this.#metrics.waiting([])
  }

  #wasSaid(what: string): boolean {
    const now = this.#now()
    const before = this.#said.get(what)
    if (before !== undefined && now - before < REPEAT_MS) return true
    for (const [other, at] of this.#said) if (now - at >= REPEAT_MS) this.#said.delete(other)
    this.#said.set(what, now)
    return false
  }
}
