import { type Api, KubeError } from './api.ts'
import { type Clock, microTime, pause, systemClock, within } from './clock.ts'
import type { Lease } from './objects.ts'

export interface LeaderTimes {
  /** Others take over when the Lease has not changed for this long. */
  readonly durationMs: number
  /** A leader that could not renew for this long stops leading: before others may start. */
  readonly renewDeadlineMs: number
  readonly retryMs: number
  /** For one call to the API server, so that a hanging one leaves time for more. */
  readonly callMs: number
}

// The first three as kube-controller-manager has them.
const TIMES: LeaderTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000, callMs: 4_000 }
const RETRY_EARLIER_SHARE = 0.25 // by chance, so that candidates don't all write in one moment; never later: O3 wants 3 s

export interface LeaderElection {
  readonly isLeading: boolean
  /** Leads no more, and lets the Lease go so that another candidate takes it at its next try. */
  stop(): Promise<void>
}

interface LeaderElectionOptions {
  readonly api: Pick<Api, 'read' | 'create' | 'replace'>
  readonly namespace: string
  readonly name: string
  /** Unique among all candidates that ever were, such as pod name and a random part. */
  readonly identity: string
  /** Leads from now on, until the signal is aborted. */
  readonly onStarted: (lost: AbortSignal) => void
  /** Leads no more; becomes a candidate again by itself. */
  readonly onStopped: () => void
  readonly onNewLeader?: (identity: string) => void
  /** A call that failed: for logs and metrics. It is tried again. */
  readonly onTrouble?: (error: unknown) => void
  readonly clock?: Clock
  /** The time of day, for people who read the Lease. Nothing is decided by it. */
  readonly now?: () => Date
  readonly times?: Partial<LeaderTimes>
}

/**
 * Leads while a Lease is ours, in the way of client-go's leaderelection: clocks of different machines are never compared. A
 * candidate counts by its own clock how long the Lease has not changed; a leader by its own since when it has not renewed,
 * from before the call.
 */
export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const { api, namespace, name, identity, clock = systemClock, now = () => new Date() } = options
  const times: LeaderTimes = { ...TIMES, ...options.times }
  const call = <T>(answer: Promise<T>) => within(times.callMs, answer, { clock, what: `Lease ${namespace}/${name}` })
  const stopping = new AbortController()
  let lost: AbortController | undefined
  let deadlineMs = 0
  let cancelDeadline = () => {}
  /** The Lease as last seen, and since when by our clock it has looked like that. */
  let seen: { lease: Lease; sinceMs: number } | undefined
  let leader: string | undefined

  function observe(lease: Lease): void {
    if (seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion)
      seen = { lease, sinceMs: clock.nowMs() }
    const { holder } = recordOf(lease, times)
    if (holder === leader || holder === '') return
    leader = holder
    hook(() => options.onNewLeader?.(holder))
  }

  async function tryOnce(): Promise<void> {
    const startedMs = clock.nowMs()
    try {
      if (!lost) await look()
      if (!mayClaim() || stopping.signal.aborted) return
      const claim = { identity, durationMs: times.durationMs, at: now() }
      const written = seen
        ? await call(api.replace('Lease', { ...seen.lease, spec: claimed(seen.lease.spec, claim) }))
        : await call(api.create('Lease', { metadata: { namespace, name }, spec: claimed(undefined, claim) }))
      observe(written)
      lead(startedMs)
    } catch (error) {
      const isRace = error instanceof KubeError && error.code === 'conflict'
      if (!isRace) hook(() => options.onTrouble?.(error))
      // Somebody else has written, or our own write's answer was lost.
      if (lost) await look().catch((again: unknown) => hook(() => options.onTrouble?.(again)))
      if (lost && seen && recordOf(seen.lease, times).holder !== identity) stopLeading()
    }
  }

  async function look(): Promise<void> {
    const lease = await call(api.read('Lease', namespace, name))
    if (lease) observe(lease)
    else seen = undefined
  }

  function mayClaim(): boolean {
    if (!seen) return true
    const { holder, durationMs } = recordOf(seen.lease, times)
    return holder === '' || holder === identity || clock.nowMs() - seen.sinceMs >= durationMs
  }

  /** @param startedMs before the call that renewed was sent: others count from when they see its effect, which is later */
  function lead(startedMs: number): void {
    cancelDeadline()
    const leftMs = startedMs + times.renewDeadlineMs - clock.nowMs()
    if (leftMs <= 0) {
      stopLeading()
      return
    }
    deadlineMs = clock.nowMs() + leftMs
    cancelDeadline = clock.after(leftMs, stopLeading)
    if (lost || stopping.signal.aborted) return
    lost = new AbortController()
    const { signal } = lost
    hook(() => options.onStarted(signal))
  }

  function stopLeading(): void {
    cancelDeadline()
    if (!lost) return
    lost.abort(new Error('stopped leading'))
    lost = undefined
    hook(() => options.onStopped())
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await tryOnce()
      await pause(clock, times.retryMs * (1 - RETRY_EARLIER_SHARE * clock.random()), stopping.signal)
    }
  }

  /** Our last renewal may have been written without an answer: then it conflicts, and is looked at once more. */
  async function release(): Promise<void> {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        if (attempt > 0) await look()
        if (!seen || recordOf(seen.lease, times).holder !== identity) return
        await call(api.replace('Lease', { ...seen.lease, spec: released(seen.lease.spec, now()) }))
        return
      } catch (error) {
        hook(() => options.onTrouble?.(error))
      }
    }
  }

  const running = run()
  return {
    get isLeading() {
      // A process that was stopped for a while must not believe it until its timers have run.
      return lost !== undefined && clock.nowMs() < deadlineMs
    },
    async stop() {
      stopping.abort()
      stopLeading()
      await running
      await release()
    },
  }
}

/** Who holds the Lease, as the Lease says. */
interface LeaseRecord {
  /** Empty: let go. */
  readonly holder: string
  /** How long its holder may lead after each renewal. */
  readonly durationMs: number
}

function recordOf({ spec }: Lease, otherwise: { readonly durationMs: number }): LeaseRecord {
  const seconds = spec?.leaseDurationSeconds
  return {
    holder: spec?.holderIdentity ?? '',
    durationMs: seconds === undefined ? otherwise.durationMs : seconds * 1000,
  }
}

interface Claim {
  readonly identity: string
  readonly durationMs: number
  readonly at: Date
}

/** The Lease's spec once the claim is written over it: a renewal where the holder is the same, else a takeover. */
function claimed(before: Lease['spec'], { identity, durationMs, at }: Claim): NonNullable<Lease['spec']> {
  const isRenewal = before?.holderIdentity === identity
  const time = microTime(at)
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: isRenewal && before.acquireTime ? before.acquireTime : time,
    renewTime: time,
    leaseTransitions: (before?.leaseTransitions ?? 0) + (isRenewal || before === undefined ? 0 : 1),
  }
}

/** As client-go lets go: nobody holds it, and an observer who misses that waits for a second only. */
function released(before: Lease['spec'], at: Date): NonNullable<Lease['spec']> {
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(at) }
}

/** A callback that throws must not keep us from renewing, nor from letting go. */
function hook(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
