import { type ReconcileResult, reconcile } from '../../../src/controller/reconcile.ts'
import { KubeError } from '../../../src/kube/api.ts'
import type { Pod } from '../../../src/kube/objects.ts'
import type { ControllerEvent } from '../../../src/lock/event.ts'
import { type Key, keyOf, keyText, parseKey } from '../../../src/lock/key.ts'
import { projectPod } from '../../../src/lock/pod-projection.ts'
import { NOTHING_KNOWN } from '../../../src/lock/snapshot.ts'
import { Waiters } from '../../../src/lock/waiters.ts'
import { apiOf, type Call, type Server } from './server.ts'

/** A call on its way: to the server, or back with an answer. */
interface Sent {
  readonly call: Call
  readonly answer: { resolve(value: unknown): void; reject(error: unknown): void }
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined
}

export interface SimulatedControllerOptions {
  readonly name: string
  readonly server: Server
  /** Milliseconds since 1970, by this controller's own clock. */
  now(): number
  random(): number
  report(event: ControllerEvent): void
}

/**
 * One controller that believes to lead: the real code, whose every call stops it until the schedule lets it go on. It may
 * stay where it is for ever so long, or crash there.
 */
export class SimulatedController {
  readonly name: string
  readonly #options: SimulatedControllerOptions
  #waiters = new Waiters()
  /** Per pod, which of its states this controller's watch has shown last. */
  #seen = new Map<string, number>()
  readonly queue = new Set<string>()
  readonly timers = new Map<string, number>()
  sent: Sent | undefined
  isReconciling = false
  #generation = 0
  #wake: (() => void) | undefined
  error: unknown

  constructor(options: SimulatedControllerOptions) {
    this.name = options.name
    this.#options = options
  }

  /** The time by its own clock, in milliseconds since 1970. */
  now(): number {
    return this.#options.now()
  }

  /** Takes the next lock from the queue and looks at it, up to the first call. */
  async begin(text: string): Promise<void> {
    this.queue.delete(text)
    this.timers.delete(text)
    this.isReconciling = true
    const generation = this.#generation
    const key = parseKey(text)
    const parked = this.#parked()
    const { server, now, random, report } = this.#options
    const isPresent = () => generation === this.#generation
    const api = apiOf(server, (call) => this.#send(call, isPresent))
    reconcile(key, {
      api,
      view: { pods: (of) => this.view(of) },
      now,
      random,
      waiters: this.#waiters,
      report: (event) => report(event),
    }).then(
      (look) => isPresent() && this.#finish(text, look),
      (error: unknown) => {
        if (!isPresent()) return
        this.error = error
        this.#finish(text, {
          ...NOTHING_KNOWN,
          requeueAt: undefined,
          waitReason: undefined,
          isKnown: false,
          isOrphan: false,
          alsoReconcile: [],
        })
      },
    )
    await parked
  }

  #finish(text: string, { requeueAt, alsoReconcile }: ReconcileResult): void {
    this.isReconciling = false
    if (requeueAt !== undefined) this.timers.set(text, requeueAt)
    for (const key of alsoReconcile) this.queue.add(keyText(key))
    this.#wake?.()
  }

  #send(call: Call, isPresent: () => boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!isPresent()) return // it crashed: never answered
      this.sent = { call, answer: { resolve, reject }, outcome: undefined }
      this.#wake?.()
    })
  }

  #parked(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** The server gets the call. @param lost: it never does, and the caller is told so */
  carryOut(lost: boolean): void {
    const { sent } = this
    if (sent === undefined || sent.outcome !== undefined) return
    if (lost) sent.outcome = { error: new KubeError('unavailable', 'no connection') }
    else
      try {
        sent.outcome = { value: sent.call.carryOut() }
      } catch (error) {
        sent.outcome = { error }
      }
  }

  /** The answer arrives, and the code goes on to its next call. @param lost: carried out, but nobody learns of it */
  async answer(lost: boolean): Promise<void> {
    const { sent } = this
    if (sent?.outcome === undefined) return
    this.sent = undefined
    const parked = this.#parked()
    if (lost) sent.answer.reject(new KubeError('unavailable', 'no answer'))
    else if ('error' in sent.outcome) sent.answer.reject(sent.outcome.error)
    else sent.answer.resolve(sent.outcome.value)
    await parked
  }

  /** Forgets all. Returns the call that was on its way to the server, which may still reach it. */
  crash(): Call | undefined {
    const call = this.sent?.outcome === undefined ? this.sent?.call : undefined
    this.#generation++
    this.sent = undefined
    this.isReconciling = false
    this.queue.clear()
    this.timers.clear()
    this.#seen.clear()
    this.#waiters = new Waiters()
    return call
  }

  /** What its watch shows: pods of the key in phase Pending, at whatever state it has got to. */
  view(key: Key): Pod[] {
    const found: Pod[] = []
    for (const [name, index] of this.#seen) {
      const stored = this.#options.server.podHistory.get(name)?.[index]
      const pod = stored && projectPod(stored)
      if (pod === undefined || (pod.status?.phase ?? 'Pending') !== 'Pending') continue
      const of = keyOf(pod)
      if (of?.deployment === key.deployment) found.push(pod)
    }
    return found
  }

  /** The watch shows another state of a pod: usually the next, but some are lost, doubled or late. */
  see(name: string, index: number): void {
    const history = this.#options.server.podHistory.get(name)
    if (history === undefined) return
    const before = history[this.#seen.get(name) ?? 0]
    this.#seen.set(name, index)
    const pod = history[index] ?? before ?? history[0]
    const key = pod === undefined ? undefined : keyOf(pod)
    if (key !== undefined) this.queue.add(keyText(key))
  }

  seenIndex(name: string): number {
    return this.#seen.get(name) ?? -1
  }

  /** As at the start: all is listed. */
  relist(): void {
    for (const [name, history] of this.#options.server.podHistory) this.see(name, history.length - 1)
  }
}
