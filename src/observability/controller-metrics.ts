import type { ControllerEvent } from '../lock/event.ts'
import { PROBLEMS, type ProblemReason } from '../lock/reasons.ts'
import { type Exposition, exposed } from './exposition.ts'
import { addLeaderMetrics, type LeaderMetrics } from './leader-metrics.ts'
import type { LockGauges } from './lock-gauges.ts'
import { addMeasuredGauge } from './measured-gauge.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { Counter, Gauge, Histogram, Registry } from './prom-client.ts'
import { RUN_EDGES_SECONDS } from './run-edges.ts'

const OUTCOMES = { 'run-succeeded': 'succeeded', 'run-failed': 'failed', interrupted: 'interrupted' } as const

/** Metrics of the controller role, in a registry of their own. No label has a name that somebody chose. */
export interface ControllerMetrics extends Exposition, LeaderMetrics {
  event(event: ControllerEvent): void
  watchRestarted(what: 'list' | 'stream'): void
  callFailed(code: string): void
  /** A step of the self-managed certificates, by its kind and why it was taken. */
  certificateStep(step: string, reason: string): void
  /** When authority and serving certificate expire, in ms since 1970; undefined where there is none, or another one leads. */
  certificateExpiry(which: 'authority' | 'serving', atMs: number | undefined): void
}

export interface ControllerGauges {
  readonly version: string
  readonly watchedPods: () => number
  readonly queuedLocks: () => number
  readonly lockGauges: Pick<LockGauges, 'waits' | 'holds' | 'failing'>
  /** The reasons for which a Deployment's rollout may not get on for a while. */
  readonly lastingReasons: readonly string[]
}

export function createControllerMetrics(gauges: ControllerGauges): ControllerMetrics {
  const { version, watchedPods, queuedLocks, lockGauges, lastingReasons } = gauges
  const registry = new Registry()
  const registers = [registry]
  addProcessMetrics(registry, { version })
  const runs = new Counter({
    name: 'migrate_io_runs_total',
    help: 'Migrations that ended, by outcome.',
    labelNames: ['outcome'],
    registers,
  })
  for (const outcome of Object.values(OUTCOMES)) runs.inc({ outcome }, 0)
  const seconds = new Histogram({
    name: 'migrate_io_run_duration_seconds',
    help: 'How long migrations took that succeeded.',
    buckets: RUN_EDGES_SECONDS,
    registers,
  })
  const skips = new Counter({
    name: 'migrate_io_skipped_pods_total',
    help: 'Pods that were told to go on, since their revision is recorded.',
    registers,
  })
  const problems = new Counter({
    name: 'migrate_io_problems_total',
    help: 'Times that something for a person to mend was met, by reason.',
    labelNames: ['reason'],
    registers,
  })
  for (const reason of Object.keys(PROBLEMS) as ProblemReason[]) problems.inc({ reason }, 0)
  const restarts = new Counter({
    name: 'migrate_io_watch_restarts_total',
    help: 'Lists and streams of the watch of pods after the first ones.',
    labelNames: ['what'],
    registers,
  })
  for (const what of ['list', 'stream']) restarts.inc({ what }, 0)
  const failures = new Counter({
    name: 'migrate_io_api_failures_total',
    help: 'Calls to the API server that failed and are tried again, by code.',
    labelNames: ['code'],
    registers,
  })
  const certificateSteps = new Counter({
    name: 'migrate_io_certificate_steps_total',
    help: 'What was done to the self-managed certificates and the trust in them, by why.',
    labelNames: ['step', 'reason'],
    registers,
  })
  const expiry = new Gauge({
    name: 'migrate_io_managed_certificate_expiry_timestamp_seconds',
    help: 'When the self-managed certificates expire, in seconds since 1970; only while this controller leads.',
    labelNames: ['certificate'],
    registers,
  })
  addMeasuredGauge(registry, 'migrate_io_watched_pods', 'Pods in the view: injected and pending.', watchedPods)
  addMeasuredGauge(registry, 'migrate_io_queued_locks', 'Locks to be looked at now.', queuedLocks)
  return {
    ...addLeaderMetrics(registry, lockGauges, lastingReasons),
    event(event) {
      if (event.kind === 'skipped') skips.inc()
      if (event.kind === 'problem') problems.inc({ reason: event.reason })
      if (event.kind === 'run-succeeded') seconds.observe(event.seconds)
      if (event.kind in OUTCOMES) runs.inc({ outcome: OUTCOMES[event.kind as keyof typeof OUTCOMES] })
    },
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
