import { readNamedLock } from '../../../src/lock/named-lock.ts'
import { isCompleted, readRecord } from '../../../src/lock/record.ts'
import { lockConfigMapName, MARKS_ANNOTATION, namedLockConfigMapName } from '../../../src/names.ts'
import { Cluster, type Step } from './cluster.ts'
import { SimulatedController } from './controller.ts'
import { type Faults, faultSteps } from './faults.ts'
import { Judge, Violation } from './judge.ts'
import { kubeletSteps } from './kubelet.ts'
import type { SimulatedPod } from './pod.ts'
import { Choices } from './random.ts'
import { drawSchedule, type Fault, type Schedule, type Trap } from './schedule.ts'
import { type Call, Server } from './server.ts'
import type { Mistakes, WrapperStep } from './wrapper.ts'

export const LOCK = 'db'
/** A controller's clock may be wrong by this much. */
const MAX_SKEW_MS = 3_600_000
const START_MS = Date.parse('2026-01-01T00:00:00Z')
/** A fair schedule needs far fewer. */
const FAIR_ROUNDS = 600
/** Lines of history, of which a seed has some hundreds: beyond, it turns in circles. */
const MAX_HISTORY = 20_000

export interface Result {
  readonly violation: string | undefined
  readonly history: readonly string[]
  /** What happened, how often. */
  readonly counts: ReadonlyMap<string, number>
}

/** One run: a seed's schedule with everything that goes wrong in it, then a fair end. */
export class Simulation {
  readonly choices: Choices
  readonly schedule: Schedule
  readonly server = new Server()
  readonly cluster: Cluster
  readonly controllers: readonly SimulatedController[]
  readonly judge: Judge
  readonly history: string[] = []
  readonly counts = new Map<string, number>()
  readonly deployments: readonly string[]
  /** Sent by controllers that crashed, and still under way. */
  readonly strayCalls: Call[] = []
  /** What a fault set going. */
  readonly later: Promise<void>[] = []
  readonly paused = new Map<SimulatedController, number>()
  /** The runner that the schedule's raid befalls. */
  raided: SimulatedPod | undefined
  time = START_MS
  step = 0
  isFair = false
  readonly #sprung = new Set<SimulatedController>()
  readonly #raid: Fault[]

  constructor(seed: number, mistakes: Mistakes = {}) {
    this.choices = new Choices(seed)
    this.schedule = drawSchedule(this.choices)
    const { hasNamedLock, replicas, isNameGenerated, raid, grantsNameNoLock } = this.schedule
    this.server.grantsNameNoLock = grantsNameNoLock
    this.#raid = [...(raid?.faults ?? [])]
    this.deployments = hasNamedLock ? ['web', 'worker'] : ['web']
    this.server.now = () => this.time
    this.cluster = new Cluster(this.server, mistakes)
    this.judge = new Judge(this.cluster)
    const lock = hasNamedLock ? LOCK : undefined
    for (const name of this.deployments) this.cluster.create({ name, replicas, lock, isNameGenerated }, 'a')
    this.controllers = ['c0', 'c1'].map((name) => {
      const skewMs = Math.round((this.choices.fraction() * 2 - 1) * MAX_SKEW_MS)
      return new SimulatedController({
        name,
        server: this.server,
        now: () => this.time + skewMs,
        random: () => this.choices.fraction(),
        report: (event) => {
          const what = event.kind === 'problem' ? `problem ${event.reason}` : event.kind
          this.note(`   ${name} reports ${JSON.stringify(event)}`, what)
        },
      })
    })
  }

  async run(): Promise<Result> {
    let violation: string | undefined
    try {
      for (this.step = 0; this.step < this.schedule.steps; this.step++) await this.#oneStep()
      await this.#endFairly()
    } catch (error) {
      violation = error instanceof Violation ? error.message : `unexpected: ${(error as Error).stack}`
    }
    return { violation, history: this.history, counts: this.counts }
  }

  note(line: string, what?: string): void {
    this.history.push(line)
    if (what !== undefined) this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  take([text, carryOut]: Step): void {
    if (text !== '') this.note(text)
    carryOut()
  }

  async #oneStep(): Promise<void> {
    if (this.#raidGoesOn()) return
    const { weights, calmSteps } = this.schedule
    const isCalm = this.step < calmSteps
    const kind = this.choices.weighted(
      (Object.keys(weights) as (keyof typeof weights)[]).map((each) => {
        const isLeftOut = isCalm && (each === 'fault' || each === 'time')
        return [isLeftOut ? 0 : weights[each], each] as const
      }),
    )
    switch (kind) {
      case 'controller':
        return await this.#stepController(this.choices.of(this.controllers))
      case 'watch':
        return this.#stepWatch(this.choices.of(this.controllers))
      case 'kubelet': {
        const alive = this.cluster.pods.filter(isAlive)
        if (alive.length === 0) return
        const steps = kubeletSteps(this, this.choices.of(alive))
        if (steps.length > 0) this.take(this.choices.of(steps))
        return
      }
      case 'deployment': {
        const steps = [...this.cluster.controllerSteps(), ...this.cluster.garbageSteps()]
        if (steps.length > 0) this.take(this.choices.of(steps))
        return
      }
      case 'time':
        return this.passTime(this.choices.of([1_000, 5_000, 20_000, 70_000, 310_000]))
      case 'fault': {
        const fault: Faults = faultSteps(this, this.choices.of(this.schedule.faults))
        if (fault.steps.length === 0) return
        this.counts.set(fault.name, (this.counts.get(fault.name) ?? 0) + 1)
        this.take(this.choices.of(fault.steps))
        await Promise.all(this.later.splice(0))
      }
    }
  }

  /** @returns whether it was something's turn */
  #raidGoesOn(): boolean {
    if (this.#raid.length === 0) return false
    this.raided ??= this.cluster.pods.find(({ actual }) => actual.kind === 'command')
    const isOn = this.schedule.raid?.on === 'command' || this.raided?.actual.kind !== 'command'
    if (this.raided === undefined || !isOn || !this.choices.chance(0.15)) return false
    const fault = this.#raid.shift()
    if (fault === undefined) return false
    const { steps } = faultSteps(this, fault, this.raided)
    if (steps.length > 0) this.take(this.choices.of(steps))
    this.counts.set('raid', (this.counts.get('raid') ?? 0) + 1)
    return true
  }

  passTime(ms: number): void {
    this.time += ms
    this.note(`${ms / 1000} s pass`)
    for (const controller of this.controllers)
      for (const [text, at] of controller.timers) if (at <= controller.now()) controller.queue.add(text)
    if (ms < 60_000) return
    for (const pod of this.cluster.pods) {
      if (pod.actual.kind !== 'wrapper' || !isAlive(pod)) continue
      const step = pod.actual.wrapper.waitOut(pod.files)
      if (step.kind === 'exits') this.note(`${pod.name}: ${pod.actual.wrapper.message}`, 'stale')
      this.applyStep(pod, step)
    }
  }

  applyStep(pod: SimulatedPod, step: WrapperStep): void {
    if (step.kind === 'runs') {
      this.judge.started(pod, step.number)
      this.note(`${pod.name}: run ${step.number} starts`, 'start')
    }
    if (step.kind === 'exits') this.note(`${pod.name} exits ${step.code}`)
    if (pod.actual.kind === 'wrapper' && pod.actual.wrapper.isStarting) this.note(`${pod.name} is about to run`)
    pod.apply(step)
    if (pod.actual.kind === 'done') this.judge.appStarts(pod)
  }

  async #stepController(controller: SimulatedController): Promise<void> {
    const until = this.paused.get(controller)
    if (until !== undefined && this.step < until) return
    if (until !== undefined) {
      this.paused.delete(controller)
      if (controller.sent !== undefined) this.note(`${controller.name} goes on after a pause`, 'went on after a pause')
    }
    const { sent } = controller
    if (until === undefined && this.#springTrap(controller)) return
    if (sent?.call.isWrite === true && until === undefined && this.choices.chance(this.schedule.stall))
      return this.pause(controller)
    if (sent === undefined) {
      const [text] = controller.queue
      if (text === undefined) return
      this.note(`${controller.name} looks at ${text}`)
      await controller.begin(text)
    } else if (sent.outcome === undefined) {
      controller.carryOut(false)
      const isConflict = this.#noteOutcome(controller)
      // Most answers come at once.
      const isTrapAhead = this.#trapOf(controller)?.side === 'after'
      if (isConflict || this.choices.chance(isTrapAhead ? 0.3 : 0.7)) await this.#answer(controller)
    } else await this.#answer(controller)
  }

  #trapOf(controller: SimulatedController): Trap | undefined {
    return this.#sprung.has(controller) ? undefined : this.schedule.traps[this.controllers.indexOf(controller)]
  }

  /** Once in a run, for each controller. */
  #springTrap(controller: SimulatedController): boolean {
    const trap = this.#trapOf(controller)
    const { sent } = controller
    if (trap === undefined || sent === undefined || !trap.call.test(sent.call.text)) return false
    if ((trap.side === 'before') !== (sent.outcome === undefined) || !this.choices.chance(trap.chance)) return false
    this.#sprung.add(controller)
    this.pause(controller, 150)
    for (const fault of trap.faults) {
      const { steps } = faultSteps(this, fault)
      if (steps.length > 0) this.take(this.choices.of(steps))
    }
    this.counts.set('trap', (this.counts.get('trap') ?? 0) + 1)
    return true
  }

  pause(controller: SimulatedController, least = 10): void {
    const steps = least + this.choices.below(240)
    const at = controller.sent?.outcome === undefined ? 'before' : 'after'
    this.note(
      `${controller.name} pauses for ${steps} steps, ${at}: ${controller.sent?.call.text}`,
      `pause ${at} a call`,
    )
    this.paused.set(controller, this.step + steps)
  }

  #noteOutcome({ name, sent }: SimulatedController): boolean {
    if (sent?.outcome === undefined) return false
    const isRefused = 'error' in sent.outcome
    const { text, isWrite } = sent.call
    const what = `${text.split(' ', 1)[0]} ${isRefused ? 'refused' : 'done'}`
    this.note(`${name} ${text}${isRefused ? ': refused' : ''}`, isWrite ? what : undefined)
    return isRefused
  }

  async #answer(controller: SimulatedController): Promise<void> {
    await controller.answer(false)
    if (controller.error !== undefined) throw controller.error
  }

  #stepWatch(controller: SimulatedController): void {
    const names = [...this.server.podHistory.keys()]
    if (names.length === 0) return
    const name = this.choices.of(names)
    const last = (this.server.podHistory.get(name)?.length ?? 0) - 1
    const seen = controller.seenIndex(name)
    const way = this.choices.weighted([
      [6, 'next'],
      [2, 'latest'],
      [0.5, 'earlier'],
      [0.3, 'relist'],
    ])
    if (way === 'relist') {
      this.note(`${controller.name} lists all pods`)
      controller.relist()
    } else {
      const index = way === 'next' ? Math.min(seen + 1, last) : way === 'latest' ? last : Math.max(0, seen - 1)
      if (way === 'earlier' && seen <= 0) return
      if (way !== 'earlier' && index === seen) return
      if (way === 'earlier') this.note(`${controller.name} sees an old ${name}`, 'old event')
      else if (index > seen + 1) this.counts.set('lost event', (this.counts.get('lost event') ?? 0) + 1)
      controller.see(name, index)
    }
  }

  /** From here on nothing goes wrong any more, and everybody gets their turn: the revision must be recorded. */
  async #endFairly(): Promise<void> {
    this.note('---- from here on all is well')
    this.isFair = true
    this.paused.clear()
    for (const name of this.deployments) {
      this.cluster.recreate(name)
      this.cluster.annotate(name, 'migrate.io/retries', undefined)
    }
    for (const call of this.strayCalls.splice(0)) this.deliverStray(call)
    if (this.choices.chance(0.5)) this.controllers[1]?.crash()
    const leaders = this.controllers.filter((_, i) => i === 0 || this.choices.chance(0.7))
    let isScaled = false
    let idle = 0
    for (let round = 0; round < FAIR_ROUNDS; round++) {
      const before = this.history.length
      for (const pod of this.cluster.pods.filter(isAlive))
        for (const step of kubeletSteps(this, pod).slice(0, 3)) this.take(step)
      for (const step of [...this.cluster.controllerSteps(), ...this.cluster.garbageSteps()]) this.take(step)
      for (const controller of leaders) await this.#work(controller)
      if (this.#lacking(isScaled) === undefined) {
        if (isScaled) return this.note('---- the end', 'ended well')
        // One more pod of each: it makes up for what somebody took away last.
        for (const name of this.deployments) this.cluster.scale(name, this.cluster.podsOf(name) + 1)
        isScaled = true
      }
      if (this.history.length === before) this.passTime(++idle % 8 === 0 ? 61_000 : 5_000)
    }
    throw new Violation(`stuck: ${this.#lacking(isScaled) ?? ''}`)
  }

  async #work(controller: SimulatedController): Promise<void> {
    for (const [name, history] of this.server.podHistory)
      if (controller.seenIndex(name) !== history.length - 1) controller.see(name, history.length - 1)
    for (let calls = 0; calls < 400; calls++) {
      if (this.history.length > MAX_HISTORY) throw new Violation('it turns in circles')
      if (controller.sent !== undefined) {
        if (controller.sent.outcome === undefined) {
          controller.carryOut(false)
          this.#noteOutcome(controller)
        }
        await this.#answer(controller)
        continue
      }
      const [text] = controller.queue
      if (text === undefined) return
      await controller.begin(text)
    }
  }

  /** @param isStrict every revision must be recorded; else it is enough that nobody waits */
  #lacking(isStrict: boolean): string | undefined {
    // Where the lock's record is gone or unsettled, nobody looks at pods that have ended before another one waits.
    const settled = new Set<string>()
    for (const name of this.deployments) {
      const deployment = this.server.get('Deployment', name)
      const configMap = this.server.get('ConfigMap', lockConfigMapName(name))
      const revision = this.cluster.revisionOf(name)
      if (configMap === undefined && !isStrict) continue
      if (configMap === undefined || deployment === undefined) return `${name} has no record`
      const read = readRecord(configMap)
      if (read.kind !== 'record' && !isStrict) continue
      if (read.kind !== 'record') return `the record of ${name} is ${read.kind}`
      if (read.record.holder !== undefined) return `${name} is held`
      settled.add(name)
      if (!isStrict) continue
      if (configMap.metadata.ownerReferences?.[0]?.uid !== deployment.metadata.uid) return `${name}: another's record`
      if (!isCompleted(read.record, revision))
        return `revision ${revision} of ${name} is not recorded: ${JSON.stringify(configMap.data)}`
    }
    for (const pod of this.cluster.pods) {
      const { object } = pod
      if (object === undefined) continue
      if (pod.isDeleting) return `${pod.name} is not gone`
      if (pod.actual.kind !== 'done' && pod.actual.kind !== 'dead') return `${pod.name} is ${pod.actual.kind}`
      const isMarked = object.metadata.annotations?.[MARKS_ANNOTATION] !== undefined
      if (pod.actual.kind === 'done' && isMarked && settled.has(pod.deployment)) return `${pod.name} is still marked`
    }
    const named = this.server.get('ConfigMap', namedLockConfigMapName(LOCK))
    const read = named === undefined ? undefined : readNamedLock(named)
    return read?.kind === 'foreign' ? 'the named lock is not ours' : undefined
  }

  deliverStray(call: Call): void {
    try {
      call.carryOut()
      this.note(`a call of a crashed controller arrives: ${call.text}`, 'stray call')
    } catch {
      this.note(`a call of a crashed controller arrives too late: ${call.text}`, 'stray call')
    }
  }
}

/** Whether a container of it can still do anything. */
export function isAlive(pod: SimulatedPod): boolean {
  if (pod.actual.kind === 'command') return true
  return pod.object !== undefined
}

/** Adds how often each thing happened to what happened before. */
export function addCounts(sum: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [what, count] of more) sum.set(what, (sum.get(what) ?? 0) + count)
}
