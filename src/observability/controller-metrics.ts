import type { ControllerEvent } from '../controller/event.ts'
import { PROBLEMS, type ProblemReason, WAITS, type Wait } from '../controller/reasons.ts'
import { addMeasuredGauge } from './measured-gauge.ts'
import type { Exposition } from './metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { Counter, Gauge, Histogram, Registry } from './prom-client.ts'

// From a command that finds nothing to do to a backfill of half a day.
const RUN_EDGES_SECONDS = [1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1800, 3600, 10_800, 43_200]

const OUTCOMES = { 'run-succeeded': 'succeeded', 'run-failed': 'failed', interrupted: 'interrupted' } as const

/** Metrics of the controller role, in a registry of their own. No label has a name that somebody chose. */
export interface ControllerMetrics extends Exposition {
  event(event: ControllerEvent): void
  /** Why pods wait, one for each lock with waiting pods. */
  waiting(waits: Iterable<Wait>): void
  leading(isLeading: boolean): void
  watchRestarted(what: 'list' | 'stream'): void
  callFailed(code: string): void
}

export interface ControllerGauges {
  readonly version: string
  readonly watchedPods: () => number
  readonly queuedLocks: () => number
}

export function createControllerMetrics({ version, watchedPods, queuedLocks }: ControllerGauges): ControllerMetrics {
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
  const waiting = new Gauge({
    name: 'migrate_io_waiting_locks',
    help: 'Locks that pods wait for, by why.',
    labelNames: ['reason'],
    registers,
  })
  const leader = new Gauge({ name: 'migrate_io_leader', help: '1 while this controller leads.', registers })
  const restarts = new Counter({
    name: 'migrate_io_watch_restarts_total',
    help: 'Lists and streams of the watch after the first ones.',
    labelNames: ['what'],
    registers,
  })
  const failures = new Counter({
    name: 'migrate_io_api_failures_total',
    help: 'Calls to the API server that failed and are tried again, by code.',
    labelNames: ['code'],
    registers,
  })
  addMeasuredGauge(registry, 'migrate_io_watched_pods', 'Pods in the view: injected and pending.', watchedPods)
  addMeasuredGauge(registry, 'migrate_io_queued_locks', 'Locks to be looked at now.', queuedLocks)
  return {
    event(event) {
      if (event.kind === 'skipped') skips.inc()
      if (event.kind === 'problem') problems.inc({ reason: event.reason })
      if (event.kind === 'run-succeeded') seconds.observe(event.seconds)
      if (event.kind in OUTCOMES) runs.inc({ outcome: OUTCOMES[event.kind as keyof typeof OUTCOMES] })
    },
    waiting(waits) {
      const counts = new Map<Wait, number>()
      for (const wait of waits) counts.set(wait, (counts.get(wait) ?? 0) + 1)
      for (const reason of Object.keys(WAITS) as Wait[]) waiting.set({ reason }, counts.get(reason) ?? 0)
    },
    leading: (isLeading) => leader.set(isLeading ? 1 : 0),
    watchRestarted: (what) => restarts.inc({ what }),
    callFailed: (code) => failures.inc({ code }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
