import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { PROBLEMS, type ProblemReason, WAIT_KINDS, WAITS, type Wait } from '../lock/reasons.ts'
import type { LockGauges } from './lock-gauges.ts'
import {
  addMeasuredGauge,
  addMeasuredGauges,
  addProcessMetrics,
  type Exposition,
  exposed,
  RUN_EDGES_SECONDS,
} from './prometheus.ts'

const OUTCOMES = ['succeeded', 'failed', 'interrupted'] as const
export type RunOutcome = (typeof OUTCOMES)[number]

/** Metrics of the controller role, in a registry of their own. No label has a name that a user chose. */
export interface ControllerMetrics extends Exposition, LeaderMetrics {
  /** @param seconds how long a run took that succeeded */
  runEnded(outcome: RunOutcome, seconds?: number): void
  podSkipped(): void
  problemMet(reason: ProblemReason): void
  watchRestarted(what: 'list' | 'stream'): void
  callFailed(code: string): void
  /** A step of the self-managed certificates, by its kind and why it was taken. */
  certificateStep(step: string, reason: string): void
  /** When authority and serving certificate expire, in ms since 1970; undefined where there is none, or another one leads. */
  certificateExpiry(which: 'authority' | 'serving', atMs: number | undefined): void
}

interface ControllerGauges {
  readonly version: string
  readonly watchedPods: () => number
  readonly queuedLocks: () => number
  readonly lockGauges: Pick<LockGauges, 'waits' | 'holds' | 'failing'>
  /** The reasons for which a Deployment's rollout may not get on for a while. */
  readonly stuckReasons: readonly string[]
}

export function createControllerMetrics(gauges: ControllerGauges): ControllerMetrics {
  const { version, watchedPods, queuedLocks, lockGauges, stuckReasons } = gauges
  const registry = new Registry()
  const registers = [registry]
  addProcessMetrics(registry, { version })
  const runs = new Counter({
    name: 'migrate_io_runs_total',
    help: 'Migrations that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of OUTCOMES) runs.inc({ outcome }, 0)
  const seconds = new Histogram({
    name: 'migrate_io_run_duration_seconds',
    help: 'How long successful migrations took.',
    buckets: RUN_EDGES_SECONDS,
    registers,
  })
  const skips = new Counter({
    name: 'migrate_io_skipped_pods_total',
    help: 'Pods that started without a run because their revision is already migrated.',
    registers,
  })
  const problems = new Counter({
    name: 'migrate_io_problems_total',
    help: 'Problems met that you need to fix, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of Object.keys(PROBLEMS) as ProblemReason[]) problems.inc({ reason }, 0)
  const restarts = new Counter({
    name: 'migrate_io_watch_restarts_total',
    help: 'Restarts of the watch of pods: lists and streams after the first ones.',
    labelNames: ['what'],
    registers,
  })
  for (const what of ['list', 'stream']) restarts.inc({ what }, 0)
  const failures = new Counter({
    name: 'migrate_io_api_failures_total',
    help: 'Calls to the API server that failed and are retried, by code.',
    labelNames: ['code'],
    registers,
  })
  const certificateSteps = new Counter({
    name: 'migrate_io_certificate_steps_total',
    help: 'Changes to the self-managed certificates and the trust in them, by step and reason.',
    labelNames: ['step', 'reason'],
    registers,
  })
  const expiry = new Gauge({
    name: 'migrate_io_managed_certificate_expiry_timestamp_seconds',
    help: 'When the self-managed certificates expire, in seconds since 1970; only while this controller leads.',
    labelNames: ['certificate'],
    registers,
  })
  addMeasuredGauge(registry, 'migrate_io_watched_pods', 'Pods being watched: injected and pending.', watchedPods)
  addMeasuredGauge(registry, 'migrate_io_queued_locks', 'Locks waiting to be reconciled.', queuedLocks)
  return {
    ...addLeaderMetrics(registry, lockGauges, stuckReasons),
    runEnded(outcome, tookSeconds) {
      if (tookSeconds !== undefined) seconds.observe(tookSeconds)
      runs.inc({ outcome })
    },
    podSkipped: () => skips.inc(),
    problemMet: (reason) => problems.inc({ reason }),
    watchRestarted: (what) => restarts.inc({ what }),
    callFailed: (code) => failures.inc({ code }),
    certificateStep: (step, reason) => certificateSteps.inc({ step, reason }),
    certificateExpiry(certificate, atMs) {
      if (atMs === undefined) expiry.remove({ certificate })
      else expiry.set({ certificate }, atMs / 1000)
    },
    ...exposed(registry),
  }
}

/** What only the leader knows: any other controller reports none of it, so that it is not added up twice. */
interface LeaderMetrics {
  leading(isLeading: boolean): void
  /** Why pods wait, one for each lock with waiting pods. */
  waiting(waits: Iterable<Wait>): void
  /** Why Deployments have not got on for a while, one for each; others than `stuckReasons` don't count. */
  stuck(reasons: Iterable<string>): void
  /** A pod's wrapper waits no more. */
  waited(seconds: number): void
}

function addLeaderMetrics(
  registry: Registry,
  lockGauges: Pick<LockGauges, 'waits' | 'holds' | 'failing'>,
  stuckReasons: readonly string[],
): LeaderMetrics {
  const registers = [registry]
  let leads = false
  let waits: readonly Wait[] = []
  let stuck: readonly string[] = []
  const leader = new Gauge({ name: 'migrate_io_leader', help: '1 while this controller leads, else 0.', registers })
  const ofLeader = (name: string, help: string, value: () => number | undefined) =>
    addMeasuredGauge(registry, name, help, () => (leads ? value() : undefined))
  const byReason = (name: string, help: string, values: () => Iterable<readonly [string, number]>) =>
    addMeasuredGauges(registry, { name, help, label: 'reason' }, () => (leads ? values() : []))

  byReason('migrate_io_waiting_pods', 'Pods whose migration waits for its turn, by reason.', () => {
    const now = lockGauges.waits()
    return keysOf(WAIT_KINDS).map((reason) => [reason, now.get(reason)?.pods ?? 0])
  })
  byReason(
    'migrate_io_oldest_wait_start_timestamp_seconds',
    'When the longest waiting pod began to wait, by reason, in seconds since 1970; absent while no pod waits.',
    () => [...lockGauges.waits()].map(([reason, { oldestAt }]) => [reason, oldestAt / 1000]),
  )
  byReason('migrate_io_waiting_locks', 'Locks that pods wait for, by reason.', () => counted(keysOf(WAITS), waits))
  byReason(
    'migrate_io_lasting_waits',
    'Deployments whose rollout has made no progress for a while, by the reason that `migrate-io status` gives.',
    () => counted(stuckReasons, stuck),
  )
  ofLeader('migrate_io_held_locks', 'Locks that a run holds or is about to hold.', () => lockGauges.holds().length)
  ofLeader(
    'migrate_io_oldest_hold_start_timestamp_seconds',
    'When the longest held lock was taken, in seconds since 1970; absent while no lock is held.',
    () => oldest(lockGauges.holds()),
  )
  ofLeader(
    'migrate_io_failing_deployments',
    'Deployments rolling out a revision whose migration has failed and not succeeded since.',
    () => lockGauges.failing(),
  )
  const seconds = new Histogram({
    name: 'migrate_io_pod_wait_seconds',
    help: 'How long pods waited to run or to be let through, as seen by the leading controller.',
    buckets: RUN_EDGES_SECONDS,
    registers,
  })
  return {
    leading(isLeading) {
      leads = isLeading
      leader.set(isLeading ? 1 : 0)
      if (isLeading) return
      waits = []
      stuck = []
    },
    waiting(now) {
      waits = [...now]
    },
    stuck(now) {
      stuck = [...now]
    },
    waited(each) {
      if (leads) seconds.observe(each)
    },
  }
}

function keysOf<K extends string>(table: Readonly<Partial<Record<K, unknown>>>): readonly K[] {
  return Object.keys(table) as K[]
}

/** How often each key occurs, zeros included. */
function counted(keys: readonly string[], seen: readonly string[]): (readonly [string, number])[] {
  return keys.map((key) => [key, seen.filter((each) => each === key).length])
}

function oldest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times) / 1000
}
