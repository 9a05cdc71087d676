import type { Model, Step } from './check.ts'
import type { Options, Rule } from './rules.ts'

/**
 * One Deployment's lock in every reachable state. Everything that can happen next may happen next: two controllers that
 * both believe to lead (and crash, or pause for ever so long, between any two API calls), kubelets that project and
 * report late, runs that fail, wrappers that are killed, pods that are deleted or evicted, nodes that start again, a
 * ConfigMap that somebody deletes.
 *
 * Safety: never two runs at once; no run starts after its revision's success is recorded. Liveness: from every state,
 * success can still be reached without anything else going wrong.
 */
export interface State {
  lock: Lock
  pods: Pod[]
  controllers: Controller[]
  spent: Record<
    'failures' | 'kills' | 'deletions' | 'losses' | 'sandboxes' | 'evictions' | 'overwrites' | 'powerLosses',
    number
  >
}

interface Lock {
  exists: boolean
  /** Created, and not yet known who holds it. */
  blank: boolean
  holder: number
  run: number
  number: number
  /** A bit for each revision. */
  completed: number
}

interface Pod {
  exists: boolean
  grant: '' | 'run' | 'wait' | 'skip'
  number: number
  highestRun: number
  file: '' | 'run' | 'wait' | 'skip'
  fileNumber: number
  claimed: number
  letThrough: boolean
  /** The state volume says that a wrapper has looked at its files since the node started. */
  noted: boolean
  container: 'waiting' | 'running' | 'ended' | 'done' | 'dead'
  /** Termination message of the last instance that ended, or of the present one once it is done. */
  message: string
  seenContainer: Pod['container']
  seenMessage: string
}

interface Controller {
  at: string
  pod: number
  number: number
  /** Nothing was written to the lock, or to the pod, since this controller read it: what a resourceVersion tells. */
  lockFresh: boolean
  fresh: boolean
  /** While a lost lock is settled: the next pod, and what was found so far. */
  next: number
  above: number
  holder: number
  run: number
  completed: number
}

const NOBODY = -1
const IDLE: Controller = {
  ...{ at: 'idle', pod: NOBODY, number: 0, lockFresh: false, fresh: false },
  ...{ next: 0, above: 0, holder: NOBODY, run: 0, completed: 0 },
}
const NO_LOCK: Lock = { exists: false, blank: false, holder: NOBODY, run: 0, number: 0, completed: 0 }

export function lockModel(options: Options): Model<State> {
  return {
    initial: {
      lock: { ...NO_LOCK, exists: true, number: options.startNumber ?? 0 },
      pods: Array.from({ length: options.pods }, () => ({
        ...{
          exists: true,
          grant: '' as const,
          number: 0,
          highestRun: 0,
          file: '' as const,
          fileNumber: 0,
          claimed: 0,
          letThrough: false,
          // Nothing rests on it before a power fails.
          noted: (options.powerLosses ?? 0) === 0,
        },
        ...{ container: 'waiting' as const, message: '', seenContainer: 'waiting' as const, seenMessage: '' },
      })),
      controllers: [IDLE, IDLE],
      spent: {
        ...{ failures: 0, kills: 0, deletions: 0, losses: 0 },
        ...{ sandboxes: 0, evictions: 0, overwrites: 0, powerLosses: 0 },
      },
    },
    steps: (state) => new Steps(state, options).all(),
    violation,
    key,
    isGood: ({ lock, pods }) =>
      lock.completed !== 0 || lock.number >= options.maxNumber || pods.every((pod) => !pod.exists),
    isFault: (name) =>
      /killed|deleted$|fails$|crashes|goes back|evicted|node starts again|overwrites|power fails/.test(name),
  }

  function violation(before: State, after: State, name: string): string | undefined {
    if (after.pods.filter(({ container }) => container === 'running').length > 1) return 'two runs at once'
    const started = /^pod(\d) starts$/.exec(name)?.[1]
    if (started !== undefined && before.lock.completed & bitOf(Number(started))) return 'a run after the record'
    return undefined
  }

  function bitOf(i: number): number {
    return 1 << (options.revisions?.[i] ?? 0)
  }
}

function key({ lock, spent, pods, controllers }: State): string {
  const texts = [Object.values(lock), Object.values(spent), ...pods.map((pod) => Object.values(pod))]
  // The two controllers are alike.
  return [...texts, ...controllers.map((controller) => Object.values(controller).join()).toSorted()].join('|')
}

type Decision = 'run' | 'never' | 'open'

class Steps {
  readonly #s: State
  readonly #o: Options
  readonly #found: Step<State>[] = []

  constructor(state: State, options: Options) {
    this.#s = state
    this.#o = options
  }

  all(): readonly Step<State>[] {
    this.#s.pods.forEach((pod, i) => {
      if (pod.exists) this.#podSteps(pod, i)
    })
    if (this.#s.lock.exists && this.#s.spent.losses < this.#o.losses)
      this.#step('ConfigMap deleted', (s) => {
        s.spent.losses++
        this.#writeLock(s, NO_LOCK)
      })
    this.#s.controllers.forEach((controller, k) => {
      this.#controllerSteps(controller, k)
      if (controller.at !== 'idle') this.#go(k, 'crashes', IDLE)
    })
    return this.#found
  }

  #holds(rule: Rule): boolean {
    return this.#o.without !== rule
  }

  #bit(i: number): number {
    return 1 << (this.#o.revisions?.[i] ?? 0)
  }

  #step(name: string, change: (state: State) => void): void {
    const { lock, pods, controllers, spent } = this.#s
    const next: State = { lock, pods: [...pods], controllers: [...controllers], spent: { ...spent } }
    change(next)
    this.#found.push([name, next])
  }

  /** Every earlier read of the lock is old by then. */
  #writeLock(s: State, lock: Lock): void {
    s.lock = lock
    s.controllers = s.controllers.map((controller) => ({ ...controller, lockFresh: false }))
  }

  #annotate(s: State, i: number, grant: Pod['grant'], number: number): void {
    const pod = s.pods[i] as Pod
    s.pods[i] = { ...pod, grant, number, highestRun: grant === 'run' ? number : pod.highestRun }
    this.#podChanged(s, i)
  }

  #podChanged(s: State, i: number): void {
    s.controllers = s.controllers.map((controller) =>
      controller.pod === i ? { ...controller, fresh: false } : controller,
    )
  }

  #podSteps(pod: Pod, i: number): void {
    const { spent, lock } = this.#s
    const o = this.#o
    const change = (name: string, changed: Partial<Pod>, cost?: keyof State['spent']) =>
      this.#step(`pod${i} ${name}`, (s) => {
        if (cost !== undefined) s.spent[cost]++
        s.pods[i] = { ...pod, ...changed }
      })
    if (pod.file !== pod.grant || pod.fileNumber !== pod.number)
      change('file updated', { file: pod.grant, fileNumber: pod.number })
    if (o.oldFiles && pod.highestRun > 0 && !(pod.file === 'run' && pod.fileNumber === pod.highestRun))
      change('file goes back', { file: 'run', fileNumber: pod.highestRun })
    if (pod.seenContainer !== pod.container || pod.seenMessage !== pod.message)
      this.#step(`pod${i} status reported`, (s) => {
        s.pods[i] = { ...pod, seenContainer: pod.container, seenMessage: pod.message }
        this.#podChanged(s, i)
      })
    if (pod.container === 'waiting') {
      const isUnused = pod.fileNumber > pod.claimed || !this.#holds('claim')
      if (!pod.noted && this.#holds('firstLook')) {
        const back = { claimed: pod.fileNumber, container: 'ended' as const, message: `stale ${pod.fileNumber}` }
        change('looks first', { noted: true, ...(pod.file === 'run' && isUnused && !pod.letThrough ? back : {}) })
      }
      const skipped = { container: 'done' as const, message: '', letThrough: this.#holds('noteSkip') }
      if (pod.letThrough) change('was let through before', skipped)
      if (lock.completed & this.#bit(i) || o.oldRecords === true) change('sees record', skipped)
      if (pod.file === 'skip') change('skips', skipped)
      if (pod.file === 'run' && !pod.letThrough && (pod.noted || !this.#holds('firstLook'))) {
        if (isUnused) change('starts', { claimed: pod.fileNumber, container: 'running' })
        else change('exits stale', { container: 'ended', message: `stale ${pod.fileNumber}` })
      }
      if (spent.kills < o.kills) change('killed while waiting', { container: 'ended', message: 'none' }, 'kills')
    }
    if (pod.container === 'running') {
      change('succeeds', { container: 'done', message: `run ${pod.claimed}` })
      if (spent.failures < o.failures)
        change('fails', { container: 'ended', message: `run ${pod.claimed}` }, 'failures')
      if (spent.overwrites < o.overwrites) {
        change('overwrites its number and succeeds', { container: 'done', message: 'none' }, 'overwrites')
        change('overwrites its number and fails', { container: 'ended', message: 'none' }, 'overwrites')
      }
    }
    if (pod.container === 'ended') change('restarts', { container: 'waiting' })
    const isNoted = (o.powerLosses ?? 0) === 0
    if (pod.container !== 'dead' && spent.sandboxes < o.sandboxes)
      change('and its node starts again', { container: 'waiting', message: 'none', noted: isNoted }, 'sandboxes')
    // All that it noted is lost, and its kubelet knows only what the API server then says.
    if (pod.container !== 'dead' && spent.powerLosses < (o.powerLosses ?? 0))
      change(
        "and its node's power fails",
        {
          ...{ container: 'waiting', message: 'none', claimed: 0, letThrough: false, noted: false },
          ...{ file: pod.grant, fileNumber: pod.number, highestRun: pod.grant === 'run' ? pod.number : 0 },
        },
        'powerLosses',
      )
    if (pod.container !== 'dead' && spent.evictions < o.evictions)
      change('evicted', { container: 'dead', message: 'none' }, 'evictions')
    if (spent.deletions < o.deletions)
      this.#step(`pod${i} deleted`, (s) => {
        s.spent.deletions++
        s.pods[i] = { ...pod, exists: false, container: 'dead' }
        this.#podChanged(s, i)
      })
  }

  /** The controller's next step. What it read before may be old by now. */
  #go(k: number, name: string, next: Controller, change: (s: State) => void = () => {}): void {
    this.#step(`c${k} ${name}`, (s) => {
      change(s)
      // Not `next` as it is: a write of its own made what it had read old as well.
      s.controllers[k] = next
    })
  }

  #controllerSteps(c: Controller, k: number) {
    const { lock } = this.#s
    switch (c.at) {
      case 'idle':
        return this.#lookAtLock(k)
      case 'acquire': {
        if (c.lockFresh || (!this.#holds('holderCas') && lock.exists && !lock.blank))
          this.#go(k, 'acquires', IDLE, (s) =>
            this.#writeLock(s, { ...lock, holder: c.pod, run: c.number, number: Math.max(c.number, lock.number) }),
          )
        else this.#go(k, 'acquire refused', IDLE)
        return
      }
      case 'readPod':
        return this.#readPod(c, k)
      case 'confirm':
        if (c.lockFresh || !this.#holds('confirm')) this.#go(k, 'confirms', { ...c, at: 'grant' })
        else this.#go(k, 'finds the lock changed', IDLE)
        return
      case 'grant':
        return this.#tell(c, k, 'run', IDLE)
      case 'settle':
        return this.#tell(c, k, 'wait', { ...c, at: 'release' })
      case 'complete':
        if (!this.#holds('oneWrite')) {
          if (c.lockFresh)
            this.#go(k, 'releases first', { ...c, at: 'recordLate' }, (s) =>
              this.#writeLock(s, { ...lock, holder: NOBODY, run: 0 }),
            )
          else this.#go(k, 'release refused', IDLE)
        } else if (c.lockFresh || (!this.#holds('onlyHolder') && lock.exists && !lock.blank))
          this.#go(k, 'completes', IDLE, (s) =>
            this.#writeLock(s, { ...lock, holder: NOBODY, run: 0, completed: lock.completed | this.#bit(c.pod) }),
          )
        else this.#go(k, 'complete refused', IDLE)
        return
      case 'recordLate':
        this.#go(k, 'records', IDLE, (s) =>
          this.#writeLock(s, { ...lock, completed: lock.completed | this.#bit(c.pod) }),
        )
        return
      case 'release':
        if (c.lockFresh) this.#go(k, 'releases', IDLE, (s) => this.#writeLock(s, { ...lock, holder: NOBODY, run: 0 }))
        else this.#go(k, 'release refused', IDLE)
        return
      case 'anew':
        return this.#settleLock(c, k)
    }
  }

  #lookAtLock(k: number): void {
    const { lock, pods } = this.#s
    const above = Math.max(0, ...pods.filter(({ exists }) => exists).map(({ number }) => number)) + 1
    const anew = { ...IDLE, at: 'anew', above, lockFresh: true }
    if (!lock.exists) {
      if (this.#holds('blankFirst'))
        this.#go(k, 'creates a blank lock', IDLE, (s) => this.#writeLock(s, { ...NO_LOCK, exists: true, blank: true }))
      else if (above <= this.#o.maxNumber) this.#go(k, 'finds no lock', { ...anew, lockFresh: false })
      return
    }
    if (lock.blank) {
      // Bounded, since each attempt that a crash ends could be followed by another one above it.
      if (above <= this.#o.maxNumber) this.#go(k, 'settles a blank lock', anew)
      return
    }
    pods.forEach((pod, i) => {
      if (lock.completed & this.#bit(i) && pod.exists && pod.grant !== 'skip' && pod.grant !== 'run')
        this.#go(k, `skips pod${i}`, IDLE, (s) => this.#annotate(s, i, 'skip', pod.number))
      if (lock.holder === NOBODY && !(lock.completed & this.#bit(i)) && pod.exists && this.#mayBeChosen(pod)) {
        const number = Math.max(lock.number, pod.number) + 1
        if (number <= this.#o.maxNumber)
          this.#go(k, `picks pod${i}`, { ...IDLE, at: 'acquire', pod: i, number, lockFresh: true })
      }
    })
    if (lock.holder !== NOBODY)
      this.#go(k, 'looks at the holder', {
        ...IDLE,
        at: 'readPod',
        pod: lock.holder,
        number: lock.run,
        lockFresh: true,
      })
  }

  #mayBeChosen(pod: Pod): boolean {
    if (pod.seenContainer === 'done' || pod.seenContainer === 'dead' || pod.grant === 'skip') return false
    return pod.grant !== 'run' || this.#endOf(pod, pod.number) !== 'unknown'
  }

  #endOf(pod: Pod, number: number): 'success' | 'failure' | 'interrupted' | 'skipped' | 'unknown' {
    const { seenContainer, seenMessage } = pod
    if (seenMessage === `run ${number}`) return seenContainer === 'done' ? 'success' : 'failure'
    if (seenMessage === `stale ${number}`) return 'interrupted'
    if (seenContainer === 'done') return 'skipped'
    if (seenContainer === 'dead') return 'interrupted'
    return !this.#holds('evidence') && seenMessage === 'none' ? 'failure' : 'unknown'
  }

  #decisionOn(number: number, { grant, number: decided }: Pod): Decision {
    if (grant === 'skip') return 'never'
    if (decided === number) return grant === 'run' ? 'run' : 'never'
    return decided > number && this.#holds('neverDown') ? 'never' : 'open'
  }

  #readPod(c: Controller, k: number) {
    const pod = this.#s.pods[c.pod] as Pod
    const go = (name: string, at: string) => this.#go(k, name, at === 'idle' ? IDLE : { ...c, at, fresh: true })
    if (!pod.exists) return go('sees that the pod is gone', 'release')
    const end = this.#endOf(pod, c.number)
    const decision = this.#decisionOn(c.number, pod)
    if (end === 'success') return go('sees success', 'complete')
    if (end !== 'unknown') {
      return go(`sees it ${end}`, decision === 'never' ? 'release' : 'settle')
    }
    if (decision === 'run') return go('sees nothing', 'idle')
    if (decision === 'never') return go('sees that it was given up', 'release')
    go('finds its revision current', 'confirm')
    go('finds its revision not current', this.#holds('giveUpFirst') ? 'settle' : 'release')
  }

  #tell(c: Controller, k: number, grant: 'run' | 'wait', next: Controller) {
    const pod = this.#s.pods[c.pod] as Pod
    const isFree = c.fresh || (grant === 'run' && !this.#holds('grantCas'))
    if (!pod.exists || !isFree) return this.#go(k, `${grant} refused`, IDLE)
    this.#step(`c${k} writes ${grant}`, (s) => {
      this.#annotate(s, c.pod, grant, c.number)
      s.controllers[k] = next
    })
  }

  /** One pod after the other, then the lock. */
  #settleLock(c: Controller, k: number) {
    const { lock, pods } = this.#s
    const pod = pods[c.next]
    if (pod === undefined) {
      const settled = { ...NO_LOCK, exists: true, holder: c.holder, run: c.run, completed: c.completed }
      const number = Math.max(c.above, c.run)
      const isStill = this.#holds('blankFirst') ? c.lockFresh : !lock.exists
      if (isStill) this.#go(k, 'settles the lock', IDLE, (s) => this.#writeLock(s, { ...settled, number }))
      else this.#go(k, 'meets another at the lock', IDLE)
      return
    }
    const onward = { ...c, next: c.next + 1 }
    const end = this.#endOf(pod, pod.number)
    const unfinished = pod.grant === 'run' && end === 'unknown'
    if (!pod.exists || pod.grant === 'skip') return this.#go(k, 'passes by', onward)
    if (unfinished) return this.#go(k, 'finds it running', { ...onward, holder: c.next, run: pod.number })
    if (pod.grant === 'run' && end === 'success')
      return this.#go(k, 'finds its success', { ...onward, completed: c.completed | this.#bit(c.next) })
    if (!this.#holds('fence')) return this.#go(k, 'leaves it', onward)
    if (pod.number >= c.above) return this.#go(k, 'starts again', IDLE)
    this.#step(`c${k} writes wait to pod${c.next}`, (s) => {
      this.#annotate(s, c.next, 'wait', c.above)
      s.controllers[k] = onward
    })
  }
}
