import type { Api } from '../kube/api.ts'
import type { Announcement, EventRecorder, Regarding } from '../kube/event-recorder.ts'
import { announce } from './announce.ts'
import type { ControllerEvent } from './event.ts'
import { type Key, keyText } from './key.ts'

const SKIPS_KEPT = 10_000 // revisions, of which it is remembered that their skipping was said

/** Tells people on the Deployment what happened to its migration. */
export class Announcer {
  readonly #api: Api
  readonly #recorder: EventRecorder
  /** Once per revision, however many pods skip. */
  readonly #skipped = new Set<string>()

  constructor(api: Api, recorder: EventRecorder) {
    this.#api = api
    this.#recorder = recorder
  }

  event(event: ControllerEvent, key: Key): void {
    const announcement = announce(event, key.namespace)
    if (announcement === undefined) return
    if (event.kind === 'run-succeeded') this.#isFirstSkip(key, event.revision) // the other pods of that rollout
    if (event.kind === 'skipped' && !this.#isFirstSkip(key, event.revision)) return
    this.say(announcement, key)
  }

  say(announcement: Announcement, key: Key): void {
    this.#recorder.record(() => this.#find(key), announcement)
  }

  #isFirstSkip(key: Key, revision: string): boolean {
    const text = `${keyText(key)} ${revision}`
    if (this.#skipped.has(text)) return false
    const [oldest] = this.#skipped
    if (this.#skipped.size >= SKIPS_KEPT && oldest !== undefined) this.#skipped.delete(oldest)
    this.#skipped.add(text)
    return true
  }

  async #find({ namespace, deployment: name }: Key): Promise<Regarding | undefined> {
    const deployment = await this.#api.read('Deployment', namespace, name)
    if (deployment === undefined) return undefined
    return { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name, uid: deployment.metadata.uid }
  }
}
