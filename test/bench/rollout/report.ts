import { type Machine, machineLines } from '../machine.ts'
import { digits, type Row, section, spread } from '../table.ts'
import type { Check } from '../targets.ts'
import type { Figures, LatencyFigures } from './figures.ts'
import type { Summary } from './latency.ts'
import type { Rollout } from './measure.ts'
import { VARIANT } from './variants.ts'

const NOISY_CORES = 0.4 // above this, what else ran may show in the figures; the idle cluster itself takes some 0.15

const LATENCIES = {
  start: 'the wrapper runs → its command is started',
  first: "the runner's end → the first waiting pod goes on",
  each: "the runner's end → each waiting pod goes on",
} as const

/** All that was measured; this is what --json writes. */
export interface Report {
  readonly machine: Machine
  readonly seconds: number
  readonly figures: readonly Figures[]
  readonly latencies: readonly LatencyFigures[]
  readonly checks: readonly Check[]
  readonly rollouts: readonly Rollout[]
}

/** The report as people read it. */
export function textOf({ machine, seconds, figures, latencies, checks, rollouts }: Report): string {
  return [
    ...machineLines(machine),
    `${rollouts.length} rollouts with a migration of ${seconds} s; seconds are the median (min..max), runs the most of any`,
    ...section('Rollouts', figuresTable(figures)),
    ...section('From the state as the API server stored it, ms: median / p99 / max', latenciesTable(latencies)),
    ...section(
      'Targets',
      checks.map((check) => [check.met ? 'met' : 'NOT MET', check.id, check.target, digits(check.measured)]),
    ),
    '',
    ...noise(rollouts),
  ].join('\n')
}

function figuresTable(figures: readonly Figures[]): Row[] {
  const head = ['replicas', 'rollout', 'variant', 'runs', 'at once', 'failed', 'seconds', 'to its floor', 'of']
  const rows = figures.map((one) => [
    `${one.replicas}`,
    one.kind,
    VARIANT[one.variant].title,
    ...[one.runs, one.mostAtOnce, one.failed].map(String),
    one.count === 1 ? digits(one.seconds.median) : spread(one.seconds),
    one.toFloor === undefined ? '' : digits(one.toFloor),
    `${one.count}`,
  ])
  return rows.length === 0 ? [] : [head, ...rows]
}

function latenciesTable(latencies: readonly LatencyFigures[]): Row[] {
  const head = [
    '',
    'n',
    'all of it',
    'to the stored grant',
    'from there into the pod',
    'kubelet, before: event to stored',
  ]
  const rows = latencies.map(({ what, grant, delivery, whole, kubelet }) => [
    LATENCIES[what],
    `${whole.count}`,
    ...[whole, grant, delivery, kubelet].map(three),
  ])
  return rows.length === 0 ? [] : [head, ...rows]
}

function three({ median, p99, max }: Summary): string {
  return [median, p99, max].map((ms) => ms.toFixed(0)).join(' / ')
}

function noise(rollouts: readonly Rollout[]): string[] {
  const before = rollouts.flatMap(({ busyCoresBefore }) => busyCoresBefore ?? [])
  const most = Math.max(0, ...before)
  const noisy = before.filter((cores) => cores > NOISY_CORES).length
  const line = `In the second before a rollout ${digits(most)} cores were busy at most, the cluster's own included.`
  return noisy > 0
    ? [line, `Before ${noisy} of ${before.length} it was much: measure again on a quiet machine.`]
    : [line]
}
