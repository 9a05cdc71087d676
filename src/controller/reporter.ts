import { KubeError } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Key, keyText } from '../lock/key.ts'
import { waitsSince } from '../lock/pod-state.ts'
import { INTERRUPTIONS, PROBLEMS, WAITS, type Wait } from '../lock/reasons.ts'
import type { ControllerMetrics } from '../observability/controller-metrics.ts'
import { errorFields, type Logs } from '../observability/logs.ts'
import { OncePer } from '../observability/once-per.ts'

const REPEAT_MS = 300_000

/** Tells logs and metrics what the controller did and why pods wait, each thing once. */
export class Reporter {
  readonly #logs: Logs
  readonly #metrics: ControllerMetrics
  readonly #said: OncePer
  readonly #now: () => number
  readonly #waits = new Map<string, Wait>()

  constructor(logs: Logs, metrics: ControllerMetrics, now: () => number) {
    this.#logs = logs
    this.#metrics = metrics
    this.#said = new OncePer(now, REPEAT_MS)
    this.#now = now
  }

  event(event: ControllerEvent, key: Key): void {
    this.#metrics.event(event)
    if (event.kind === 'problem' && !this.#said.isDue(`${keyText(key)} ${event.reason} ${event.object}`)) return
    if (event.kind === 'image-moved' && !this.#said.isDue(`${keyText(key)} ${event.revision} ${event.starts}`)) return
    const { level, fields, text } = logLineFor(event)
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

const DETAIL_MAX_CHARACTERS = 400 // what an API server, or a policy, says can be long

/** A line of the log: whatever is in `fields` is a name, a number or a key of a table, never what a user wrote. */
export interface Line {
  readonly level: 'info' | 'warn'
  readonly fields: Readonly<Record<string, string | number | boolean>>
  readonly text: string
}

/** One line for one event. */
export function logLineFor(event: ControllerEvent): Line {
  const { kind } = event
  switch (kind) {
    case 'run-started': {
      const { pod, revision, number } = event
      return info({ kind, pod, revision, run: number }, 'the migration starts')
    }
    case 'run-succeeded': {
      const { pod, revision, number, seconds } = event
      return info(
        { kind, pod, revision, run: number, seconds },
        'the migration succeeded: this revision never runs again',
      )
    }
    case 'run-failed': {
      const { pod, revision, number, exitCode, isTimeout, count, nextAt } = event
      const next = nextAt === undefined ? 'no more tries' : `next try at ${new Date(nextAt).toISOString()}`
      const what = isTimeout ? 'the migration reached migrate.io/timeout' : 'the migration failed'
      return warn(
        { kind, pod, revision, run: number, exitCode, timeout: isTimeout, failures: count },
        `${what}; ${next}`,
      )
    }
    case 'interrupted': {
      const { pod, number, why } = event
      return warn({ kind, pod, run: number, why }, `nobody can tell the result of a run: ${INTERRUPTIONS[why]}`)
    }
    case 'not-recorded': {
      const { pod, revision, number, exitCode } = event
      return warn(
        { kind, pod, revision, run: number, exitCode },
        'a container ended without its run number in its termination message: a success is then not recorded',
      )
    }
    case 'given-up': {
      const { pod, number } = event
      return info({ kind, pod, run: number }, 'the run number was given back unused')
    }
    case 'skipped': {
      const { pod, revision } = event
      return info({ kind, pod, revision }, 'this revision is already migrated: the pod goes on')
    }
    case 'image-moved': {
      const { pod, revision, image, migrated, starts } = event
      return warn(
        { kind, pod, revision, image, migrated, starts },
        'a pod of a migrated revision starts another image than its run had: its tag has moved',
      )
    }
    case 'made-anew':
      return event.why === 'missing'
        ? info({ kind, configMap: event.configMap }, 'lock and record were made')
        : warn(
            { kind, configMap: event.configMap, why: event.why },
            event.why === 'edited'
              ? 'the lock had been edited and was made anew from what the pods tell'
              : 'lock and record were a copy, as from a backup, and were made anew from what the pods tell',
          )
    case 'adopted':
      return info(
        { kind, configMap: event.configMap, records: event.records },
        'lock and record of an earlier Deployment of this name were taken over',
      )
    case 'problem': {
      const { reason, object, detail } = event
      const said = detail === '' ? {} : { detail: detail.slice(0, DETAIL_MAX_CHARACTERS) }
      return warn({ kind, reason, object, ...said }, PROBLEMS[reason])
    }
  }
}

function info(fields: Line['fields'], text: string): Line {
  return { level: 'info', fields, text }
}

function warn(fields: Line['fields'], text: string): Line {
  return { level: 'warn', fields, text }
}
