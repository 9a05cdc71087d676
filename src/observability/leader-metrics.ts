import type { Registry } from 'prom-client'
import { WAIT_KINDS, WAITS, type Wait } from '../lock/reasons.ts'
import type { LockGauges } from './lock-gauges.ts'
import { addMeasuredGauge, addMeasuredGauges } from './measured-gauge.ts'
import { Gauge, Histogram } from './prom-client.ts'
import { RUN_EDGES_SECONDS } from './run-edges.ts'

/** What only the leader knows: any other controller reports none of it, so that nobody adds it up twice. */
export interface LeaderMetrics {
  leading(isLeading: boolean): void
  /** Why pods wait, one for each lock with waiting pods. */
  waiting(waits: Iterable<Wait>): void
  /** Why Deployments have not got on for a while, one for each; others than `lastingReasons` don't count. */
  lasting(reasons: Iterable<string>): void
  /** A pod's wrapper waits no more. */
  waited(seconds: number): void
}

export function addLeaderMetrics(
  registry: Registry,
  lockGauges: Pick<LockGauges, 'waits' | 'holds' | 'failing'>,
  lastingReasons: readonly string[],
): LeaderMetrics {
  const registers = [registry]
  let leads = false
  let waits: readonly Wait[] = []
  let lasting: readonly string[] = []
  const leader = new Gauge({ name: 'migrate_io_leader', help: '1 while this controller leads, else 0.', registers })
  const ofLeader = (name: string, help: string, value: () => number | undefined) =>
    addMeasuredGauge(registry, name, help, () => (leads ? value() : undefined))
  const byReason = (name: string, help: string, values: () => Iterable<readonly [string, number]>) =>
    addMeasuredGauges(registry, { name, help, label: 'reason' }, () => (leads ? values() : []))

  byReason('migrate_io_waiting_pods', 'Pods whose migration waits for its turn, by why.', () => {
    const now = lockGauges.waits()
    return keysOf(WAIT_KINDS).map((reason) => [reason, now.get(reason)?.pods ?? 0])
  })
  byReason(
    'migrate_io_oldest_wait_start_timestamp_seconds',
    'When the pod began to wait that has waited longest, by why, in seconds since 1970; none where no pod waits.',
    () => [...lockGauges.waits()].map(([reason, { oldestAt }]) => [reason, oldestAt / 1000]),
  )
  byReason('migrate_io_waiting_locks', 'Locks that pods wait for, by why.', () => counted(keysOf(WAITS), waits))
  byReason(
    'migrate_io_lasting_waits',
    'Deployments whose rollout has not got on for a while, by why: what `migrate-io status` gives as reason.',
    () => counted(lastingReasons, lasting),
  )
  ofLeader('migrate_io_held_locks', 'Locks that a run has, or is about to.', () => lockGauges.holds().length)
  ofLeader(
    'migrate_io_oldest_hold_start_timestamp_seconds',
    'When the lock was taken that has been held longest, in seconds since 1970; none where none is held.',
    () => oldest(lockGauges.holds()),
  )
  ofLeader(
    'migrate_io_failing_deployments',
    'Deployments that roll out a revision whose migration has failed and not succeeded since.',
    () => lockGauges.failing(),
  )
  const seconds = new Histogram({
    name: 'migrate_io_pod_wait_seconds',
    help: 'How long pods waited to run or to be let through, as seen by the controller that leads.',
    buckets: RUN_EDGES_SECONDS,
    registers,
  })
  return {
    leading(isLeading) {
      leads = isLeading
      leader.set(isLeading ? 1 : 0)
      if (isLeading) return
      waits = []
      lasting = []
    },
    waiting(now) {
      waits = [...now]
    },
    lasting(now) {
      lasting = [...now]
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
