import { type Api, KubeError } from '../kube/api.ts'
import type { Announcement, EventRecorder, Regarding } from '../kube/event-recorder.ts'
import type { Pod } from '../kube/objects.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText } from '../lock/key.ts'
import { waitsSince } from '../lock/pod-state.ts'
import { WAITS, type Wait } from '../lock/reasons.ts'
import type { ControllerMetrics } from '../observability/controller-metrics.ts'
import { errorFields, type Logs } from '../observability/logs.ts'
import { OncePer } from '../observability/once-per.ts'
import { announcementFor, countEvent, logLineFor } from './events.ts'

/** A trouble that lasts is logged again after so long. */
const REPEAT_LOG_MS = 300_000
/** An Event is written again only where it still holds after so long: the API server keeps one for an hour by default. */
export const REPEAT_EVENT_MS = 1_800_000

/** Reports to logs and metrics what the controller did and why pods wait, each thing once. */
export class Reporter {
  readonly #logs: Logs
  readonly #metrics: ControllerMetrics
  readonly #logged: OncePer
  readonly #now: () => number
  readonly #waits = new Map<string, Wait>()

  /** @param now milliseconds since 1970 */
  constructor(logs: Logs, metrics: ControllerMetrics, now: () => number) {
    this.#logs = logs
    this.#metrics = metrics
    this.#logged = new OncePer(now, REPEAT_LOG_MS)
    this.#now = now
  }

  event(event: ControllerEvent, key: Key): void {
    countEvent(this.#metrics, event)
    if (event.kind === 'problem' && !this.#logged.isDue(`${keyText(key)} ${event.reason} ${event.object}`)) return
    if (event.kind === 'image-moved' && !this.#logged.isDue(`${keyText(key)} ${event.revision} ${event.starts}`)) return
    const { level, fields, text } = logLineFor(event)
    this.#logs[level]({ ...key, ...fields }, text)
  }

  /** Each time that it was found out why the pods of a lock wait, if they do. */
  waiting(key: Key, wait: Wait | undefined): void {
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
  podChanged(before: Pod, after: Pod | undefined): void {
    const since = waitsSince(before)
    if (since === undefined || (after !== undefined && waitsSince(after) !== undefined)) return
    // The clocks of two machines may differ.
    this.#metrics.waited(Math.max(0, this.#now() - since) / 1000)
  }

  /** What was asked of the API server failed, and is tried again by itself; any error but KubeError is a fault of the program. */
  trouble(error: unknown, what: string): void {
    if (!(error instanceof KubeError)) {
      this.#metrics.callFailed('fault')
      this.#logs.error(errorFields(error), what)
      return
    }
    const { code, outline } = error
    this.#metrics.callFailed(code)
    if (this.#logged.isDue(`${what} ${outline}`)) this.#logs.warn({ code, detail: outline }, what)
  }

  /** Another controller leads, or this one anew: what it knew of waiting pods is for the leader to report. */
  forget(): void {
    this.#waits.clear()
    this.#metrics.waiting([])
  }
}

/** Tells people by Events on the Deployment what happened to its migration. */
export class EventPublisher {
  readonly #api: Api
  readonly #recorder: EventRecorder
  /** Once per revision, however many pods skip, and once per image that it starts besides its own. */
  readonly #published: OncePer
  /** Problems, each once for a Deployment, however many of its pods have it and however often it is met. */
  readonly #problems: OncePer

  /** @param now milliseconds since 1970 */
  constructor(api: Api, recorder: EventRecorder, now: () => number) {
    this.#api = api
    this.#recorder = recorder
    this.#published = new OncePer(now, Number.POSITIVE_INFINITY)
    this.#problems = new OncePer(now, REPEAT_EVENT_MS)
  }

  event(event: ControllerEvent, key: Key): void {
    const announcement = announcementFor(event, key.namespace)
    if (announcement === undefined || !this.#isDue(event, keyText(key))) return
    this.publish(announcement, key)
  }

  publish(announcement: Announcement, key: Key): void {
    this.#recorder.record(key.namespace, () => this.#find(key), announcement)
  }

  #isDue(event: ControllerEvent, key: string): boolean {
    switch (event.kind) {
      case 'problem':
        return this.#problems.isDue(`${key} ${event.reason}`)
      case 'skipped':
        return this.#published.isDue(`${key} ${event.revision}`)
      case 'image-moved':
        return this.#published.isDue(`${key} ${event.revision} ${event.starts}`)
      case 'run-succeeded':
        // The other pods of that rollout skip, which is no news after this.
        this.#published.isDue(`${key} ${event.revision}`)
        return true
      default:
        return true
    }
  }

  async #find({ namespace, deployment: name }: Key): Promise<Regarding | undefined> {
    const deployment = await this.#api.read('Deployment', namespace, name)
    if (deployment === undefined) return undefined
    return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: deployment.metadata.uid }
  }
}
