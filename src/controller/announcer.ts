import type { Api } from '../kube/api.ts'
import type { Announcement, EventRecorder, Regarding } from '../kube/event-recorder.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText } from '../lock/key.ts'
import { Said } from '../observability/once-per.ts'
import { announce } from './events.ts'
import { TELL_AGAIN_MS } from './lasting.ts'

const TOLD_KEPT = 10_000 // revisions, of which it is remembered what was said of them

/** Tells people on the Deployment what happened to its migration. */
export class Announcer {
  readonly #api: Api
  readonly #recorder: EventRecorder
  /** Once per revision, however many pods skip, and once per image that it starts besides its own. */
  readonly #told = new Set<string>()
  /** Problems, each once for a Deployment, however many of its pods have it and however often it is looked at. */
  readonly #problems: Said

  /** @param now milliseconds since 1970 */
  constructor(api: Api, recorder: EventRecorder, now: () => number) {
    this.#api = api
    this.#recorder = recorder
    this.#problems = new Said(now, TELL_AGAIN_MS)
  }

  event(event: ControllerEvent, key: Key): void {
    const announcement = announce(event.kind === 'problem' ? withOthers(event) : event, key.namespace)
    if (announcement === undefined) return
    if (event.kind === 'problem' && !this.#problems.isDue(`${keyText(key)} ${event.reason}`)) return
    if (event.kind === 'run-succeeded') this.#isFirst(key, event.revision) // the other pods of that rollout
    if (event.kind === 'skipped' && !this.#isFirst(key, event.revision)) return
    if (event.kind === 'image-moved' && !this.#isFirst(key, `${event.revision} ${event.starts}`)) return
    this.say(announcement, key)
  }

  say(announcement: Announcement, key: Key): void {
    this.#recorder.record(key.namespace, () => this.#find(key), announcement)
  }

  #isFirst(key: Key, what: string): boolean {
    const text = `${keyText(key)} ${what}`
    if (this.#told.has(text)) return false
    const [oldest] = this.#told
    if (this.#told.size >= TOLD_KEPT && oldest !== undefined) this.#told.delete(oldest)
    this.#told.add(text)
    return true
  }

  async #find({ namespace, deployment: name }: Key): Promise<Regarding | undefined> {
    const deployment = await this.#api.read('Deployment', namespace, name)
    if (deployment === undefined) return undefined
    return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: deployment.metadata.uid }
  }
}

/** Of many pods with the same problem one is named. */
function withOthers(problem: Extract<ControllerEvent, { kind: 'problem' }>): ControllerEvent {
  const { object, others = 0 } = problem
  return others === 0 ? problem : { ...problem, object: `${object} and ${others} ${others === 1 ? 'other' : 'others'}` }
}
