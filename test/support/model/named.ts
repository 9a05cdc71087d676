import type { Model, Step } from './check.ts'

/**
 * Two Deployments of one pod each that name one lock, and one of them may name another one by and by. Either of two
 * controllers may work for either Deployment, crash, or pause between any two calls; own locks and the named one may be
 * deleted. Files and status are at once, since they are in the other model.
 */
export const NAMED_RULES = {
  namedCas: 'the named lock is taken by compare-and-swap',
  openIsHeld: 'a holder whose own record is lost is told to wait before its named lock is taken',
  tellOpen: 'undecided holders are told to wait before a lost named lock is settled',
  ownIsHolder: 'who settles a lost named lock has it, where its own number is undecided',
  waitForRecords: 'a lost named lock is settled only while no own record is lost',
  namedBlankFirst: 'a lost named lock is created blank before the records are looked at',
  lockInGrant: 'the grant says under which named lock the run is, and a record that is made anew believes nothing else',
  unknownIsEach: 'a run whose grant says nothing of a lock may have each',
} as const

export type NamedRule = keyof typeof NAMED_RULES

export interface NamedOptions {
  readonly maxNumber: number
  readonly ownLosses: number
  readonly namedLosses: number
  /** How often a Deployment names another lock. */
  readonly renames?: number
  /** The grants are an earlier version's, which say nothing of a lock. */
  readonly oldGrants?: boolean
  readonly without?: NamedRule
}

export const NAMED_CONFIGURATIONS: Readonly<Record<string, NamedOptions>> = {
  'a named lock': { maxNumber: 2, ownLosses: 0, namedLosses: 0 },
  'a named lock that is lost': { maxNumber: 2, ownLosses: 0, namedLosses: 1 },
  'a named lock, own locks that are lost': { maxNumber: 2, ownLosses: 1, namedLosses: 0 },
  'a named lock and an own one that are lost': { maxNumber: 1, ownLosses: 1, namedLosses: 1 },
  'both are lost, and another lock is named': { maxNumber: 1, ownLosses: 1, namedLosses: 1, renames: 1 },
  'both are lost, granted by an earlier version': { maxNumber: 1, ownLosses: 1, namedLosses: 1, oldGrants: true },
}

export const NAMED_NEEDED: { readonly [R in NamedRule]: NamedOptions } = {
  namedCas: { maxNumber: 1, ownLosses: 0, namedLosses: 0 },
  openIsHeld: { maxNumber: 2, ownLosses: 1, namedLosses: 0 },
  tellOpen: { maxNumber: 1, ownLosses: 0, namedLosses: 1 },
  ownIsHolder: { maxNumber: 2, ownLosses: 0, namedLosses: 1 },
  waitForRecords: { maxNumber: 2, ownLosses: 1, namedLosses: 1 },
  namedBlankFirst: { maxNumber: 2, ownLosses: 0, namedLosses: 2 },
  lockInGrant: { maxNumber: 1, ownLosses: 1, namedLosses: 1, renames: 1 },
  unknownIsEach: { maxNumber: 1, ownLosses: 1, namedLosses: 1, oldGrants: true },
}

const NOBODY = -1

/** A lock: the own one of a Deployment, or the named one, whose holder is a Deployment. */
interface Lock {
  readonly state: 'missing' | 'blank' | 'there'
  readonly holder: number
  readonly run: number
  readonly number: number
  /** Of an own lock: which named one its holder needs too. `each`: it can't be told any more. */
  readonly lock: 'named' | 'other' | 'each'
}

interface Pod {
  readonly grant: 'none' | 'run' | 'wait'
  readonly number: number
  /** Under which named lock the run was granted, and what the grant says of that. */
  readonly under: 'named' | 'other'
  readonly says: 'named' | 'other' | 'nothing'
  readonly container: 'waiting' | 'running' | 'done'
}

interface Controller {
  readonly at:
    | 'idle'
    | 'acquire'
    | 'settleOwn'
    | 'readPod'
    | 'readNamedState'
    | 'judge'
    | 'take'
    | 'confirm'
    | 'grant'
    | 'release'
    | 'letGo'
    | 'rebuild'
    | 'settleNamed'
  readonly who: number
  readonly run: number
  readonly lock: Lock['lock']
  /** Who has the named lock, and for which run, as it was found. */
  readonly named: number
  readonly namedRun: number
  readonly ownFresh: boolean
  readonly namedFresh: boolean
  readonly podFresh: boolean
}

export interface NamedState {
  readonly own: readonly Lock[]
  readonly named: Lock
  readonly pods: readonly Pod[]
  readonly controllers: readonly Controller[]
  /** What each Deployment's annotation says by now. */
  readonly names: readonly ('named' | 'other')[]
  readonly ownLosses: number
  readonly namedLosses: number
}

const THERE: Lock = { state: 'there', holder: NOBODY, run: 0, number: 0, lock: 'other' }
const MISSING: Lock = { ...THERE, state: 'missing' }
const BLANK: Lock = { ...THERE, state: 'blank' }
const IDLE: Controller = {
  ...{ at: 'idle', who: NOBODY, run: 0, lock: 'other', named: NOBODY, namedRun: 0 },
  ...{ ownFresh: false, namedFresh: false, podFresh: false },
}

export function namedModel(options: NamedOptions): Model<NamedState> {
  const waiting: Pod = { grant: 'none', number: 0, under: 'other', says: 'nothing', container: 'waiting' }
  return {
    initial: {
      own: [THERE, THERE],
      named: THERE,
      pods: [waiting, waiting],
      controllers: [IDLE, IDLE],
      names: ['named', 'named'],
      ...{ ownLosses: 0, namedLosses: 0 },
    },
    steps: (state) => steps(state, options),
    violation: (_, after) =>
      after.pods.every(({ container, under }) => container === 'running' && under === 'named')
        ? 'two runs under one lock'
        : undefined,
    key: ({ own, named, pods, controllers, names, ownLosses, namedLosses }) =>
      JSON.stringify([
        own,
        named,
        pods,
        controllers.map((each) => Object.values(each).join()).toSorted(),
        names,
        ownLosses,
        namedLosses,
      ]),
    isGood: ({ pods, own }) =>
      pods.every(({ container }, i) => container === 'done' || (own[i]?.number ?? 0) >= options.maxNumber),
    isFault: (name) => /deleted|crashes/.test(name),
  }
}

function steps(s: NamedState, o: NamedOptions): readonly Step<NamedState>[] {
  const found: Step<NamedState>[] = []
  const holds = (rule: NamedRule) => o.without !== rule
  const put = <T>(list: readonly T[], i: number, item: T) => list.map((each, j) => (j === i ? item : each))
  const stale = (list: readonly Controller[], what: Partial<Controller>, who = NOBODY) =>
    list.map((each) => (who === NOBODY || each.who === who ? { ...each, ...what } : each))
  const withOwn = (state: NamedState, i: number, lock: Lock): NamedState => ({
    ...{ ...state, own: put(state.own, i, lock) },
    controllers: stale(state.controllers, { ownFresh: false }, i),
  })
  const withNamed = (state: NamedState, named: Lock): NamedState => ({
    ...{ ...state, named },
    controllers: stale(state.controllers, { namedFresh: false }),
  })
  const withPod = (state: NamedState, i: number, pod: Pod): NamedState => ({
    ...{ ...state, pods: put(state.pods, i, pod) },
    controllers: stale(state.controllers, { podFresh: false }, i),
  })

  s.pods.forEach((pod, i) => {
    if (pod.container === 'waiting' && pod.grant === 'run')
      found.push([`pod${i} starts`, withPod(s, i, { ...pod, container: 'running' })])
    if (pod.container === 'running') found.push([`pod${i} succeeds`, withPod(s, i, { ...pod, container: 'done' })])
    if (s.own[i]?.state !== 'missing' && s.ownLosses < o.ownLosses)
      found.push([`own lock ${i} deleted`, { ...withOwn(s, i, MISSING), ownLosses: s.ownLosses + 1 }])
  })
  if (s.names[0] === 'named' && (o.renames ?? 0) > 0)
    found.push(['another lock is named by 0', { ...s, names: put(s.names, 0, 'other') }])
  if (s.named.state !== 'missing' && s.namedLosses < o.namedLosses)
    found.push(['named lock deleted', { ...withNamed(s, MISSING), namedLosses: s.namedLosses + 1 }])
  s.controllers.forEach((c, k) => {
    const go = (name: string, next: Controller, state = s) =>
      found.push([`c${k} ${name}`, { ...state, controllers: put(state.controllers, k, next) }])
    if (c.at === 'idle') for (const who of [0, 1]) look(who, go)
    else {
      act(c, go)
      go('crashes', IDLE)
    }
  })
  return found

  function look(who: number, go: (name: string, next: Controller, state?: NamedState) => void): void {
    const own = s.own[who] ?? MISSING
    const begin = { ...IDLE, who, ownFresh: true }
    if (own.state === 'missing') go(`creates own lock ${who}`, IDLE, withOwn(s, who, BLANK))
    else if (own.state === 'blank') go(`looks at the pod of ${who}`, { ...begin, at: 'settleOwn', podFresh: true })
    else if (own.holder !== NOBODY)
      go(`looks at the holder of ${who}`, { ...begin, at: 'readPod', run: own.run, lock: own.lock })
    else if (s.pods[who]?.container === 'waiting') {
      const run = Math.max(own.number, s.pods[who]?.number ?? 0) + 1
      if (run <= o.maxNumber) go(`picks pod${who}`, { ...begin, at: 'acquire', run, lock: s.names[who] ?? 'other' })
    }
  }

  /** Whether run n of a pod can still go on, by its pod alone. */
  function byPod(who: number, run: number): 'held' | 'over' | 'open' {
    const pod = s.pods[who] as Pod
    if (pod.grant === 'run' && pod.number === run) return pod.container === 'done' ? 'over' : 'held'
    return pod.number >= run ? 'over' : 'open'
  }

  function grantedUnder(lock: Lock['lock']): Pick<Pod, 'under' | 'says'> {
    const under = lock === 'named' ? 'named' : 'other'
    return { under, says: o.oldGrants === true ? 'nothing' : under }
  }

  /** Of a run whose record is made anew. */
  function lockOf(who: number): Lock['lock'] {
    if (!holds('lockInGrant')) return s.names[who] ?? 'other'
    const says = s.pods[who]?.says ?? 'nothing'
    return says === 'nothing' ? (holds('unknownIsEach') ? 'each' : 'other') : says
  }

  function tell(who: number, run: number): NamedState {
    return withPod(s, who, { ...(s.pods[who] as Pod), grant: 'wait', number: run })
  }

  function act(c: Controller, go: (name: string, next: Controller, state?: NamedState) => void): unknown {
    const { who, run } = c
    const own = s.own[who] as Lock
    const pod = s.pods[who] as Pod
    switch (c.at) {
      case 'acquire':
        if (!c.ownFresh) return go('acquire refused', IDLE)
        return go('acquires', IDLE, withOwn(s, who, { ...THERE, holder: who, run, number: run, lock: c.lock }))
      case 'settleOwn': {
        if (pod.grant === 'run' || pod.container === 'done') {
          const isRunning = byPod(who, pod.number) === 'held'
          const lock = {
            ...THERE,
            holder: isRunning ? who : NOBODY,
            run: isRunning ? pod.number : 0,
            number: pod.number,
            lock: isRunning ? lockOf(who) : THERE.lock,
          }
          return c.ownFresh && c.podFresh
            ? go('settles the own lock', IDLE, withOwn(s, who, lock))
            : go('refused', IDLE)
        }
        if (c.run === 0) {
          // Bounded, as in the other model.
          if (pod.number >= o.maxNumber) return go('has told it enough', IDLE)
          const told = tell(who, pod.number + 1)
          return c.podFresh ? go('tells it to wait', { ...c, run: pod.number + 1 }, told) : go('refused', IDLE)
        }
        const lock = { ...THERE, number: c.run }
        return c.ownFresh ? go('settles the own lock', IDLE, withOwn(s, who, lock)) : go('refused', IDLE)
      }
      case 'readPod': {
        const fresh = { ...c, podFresh: true }
        const hold = byPod(who, run)
        if (hold === 'over') return go('sees its end', { ...fresh, at: 'release' })
        if (hold === 'held') return go('sees it run', IDLE)
        go('finds it not wanted', { ...fresh, at: 'release' }, tell(who, run))
        if (c.lock !== s.names[who]) return
        return go('finds it undecided', { ...fresh, at: c.lock === 'named' ? 'readNamedState' : 'confirm' })
      }
      case 'readNamedState': {
        const next = { ...c, namedFresh: true, named: s.named.holder }
        const { state, holder } = s.named
        if (state === 'missing' && holds('namedBlankFirst'))
          return go('creates the named lock', IDLE, withNamed(s, BLANK))
        if (state !== 'there') return go('finds the named lock lost', { ...next, at: 'rebuild' })
        if (holder === who && s.named.run === run) return go('has the named lock', { ...next, at: 'confirm' })
        return go('reads the named lock', { ...next, at: holder === NOBODY ? 'take' : 'judge' })
      }
      case 'judge': {
        const record = s.own[c.named] as Lock
        const { run: its } = s.named
        // What it read: another holder by now means a conflict later on.
        if (!c.namedFresh) return go('the named lock changed', IDLE)
        const isSame = record.holder === c.named && record.run === its
        const hold = record.state === 'there' ? (isSame ? 'held' : 'over') : byPod(c.named, its)
        if (hold === 'held') return go('finds it busy', IDLE)
        if (hold === 'open' && holds('openIsHeld')) return go('tells its holder to wait', IDLE, tell(c.named, its))
        return go('finds it free', { ...c, at: 'take' })
      }
      case 'take':
        if (!c.namedFresh && holds('namedCas')) return go('take refused', IDLE)
        return go('takes the named lock', IDLE, withNamed(s, { ...THERE, holder: who, run }))
      case 'rebuild': {
        const other = 1 - who
        const record = s.own[other] as Lock
        const isLost = (of: number) => s.own[of]?.state !== 'there' && s.pods[of]?.container !== 'done'
        if ((isLost(other) || isLost(who)) && holds('waitForRecords')) return go('waits for a record', IDLE)
        const mayHave = record.holder === other && record.lock !== 'other'
        const hold = mayHave ? byPod(other, record.run) : 'over'
        if (hold === 'open' && holds('tellOpen')) return go('tells the other to wait', IDLE, tell(other, record.run))
        const isOwn = own.holder === who && byPod(who, own.run) !== 'over' && holds('ownIsHolder')
        const named = hold === 'held' ? other : isOwn ? who : NOBODY
        return go('looks at the records', { ...c, at: 'settleNamed', named, namedRun: s.own[named]?.run ?? 0 })
      }
      case 'settleNamed': {
        const isStill = holds('namedBlankFirst') ? c.namedFresh : s.named.state !== 'there'
        const lock = c.named === NOBODY ? THERE : { ...THERE, holder: c.named, run: c.namedRun }
        return isStill ? go('settles the named lock', IDLE, withNamed(s, lock)) : go('refused', IDLE)
      }
      case 'confirm':
        if (c.ownFresh && (c.namedFresh || c.lock === 'other')) return go('confirms', { ...c, at: 'grant' })
        return go('finds a lock changed', IDLE)
      case 'grant':
        if (!c.podFresh) return go('grant refused', IDLE)
        return go('grants', IDLE, withPod(s, who, { ...pod, grant: 'run', number: run, ...grantedUnder(c.lock) }))
      case 'release':
        if (!c.ownFresh) return go('release refused', IDLE)
        return go('releases', { ...c, at: 'letGo' }, withOwn(s, who, { ...own, holder: NOBODY, run: 0 }))
      case 'letGo':
        if (s.named.holder === who && s.named.run === run)
          return go('lets the named lock go', IDLE, withNamed(s, THERE))
        return go('has no named lock', IDLE)
      case 'idle':
        return undefined
    }
  }
}
