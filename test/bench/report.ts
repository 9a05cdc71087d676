import type { Golden } from './golden.ts'
import { type Machine, machineLines } from './machine.ts'
import type { PureFigures } from './pure.ts'
import type { Measured, Plan } from './rounds.ts'
import type { ServerName } from './servers.ts'
import type { StartTimes } from './start.ts'
import { disturbanceOf, type Figures, type Ratio } from './summary.ts'
import { digits, type Row, section, spread } from './table.ts'
import type { Check } from './targets.ts'

const NAMES: Readonly<Record<ServerName, string>> = {
  ours: 'migrate.io',
  baseline: 'fastify, allows only',
  go: 'Go, controller-runtime',
}
const NOISY = 0.05 // above this share, what else ran may show in the figures

/** All that was measured; this is what --json writes. */
export interface Report {
  readonly machine: Machine
  readonly plan: Plan
  readonly reviewBytes: number
  readonly golden: Readonly<Partial<Record<ServerName, Golden>>>
  readonly figures: readonly Figures[]
  readonly ratios: readonly Ratio[]
  readonly starts: StartTimes
  readonly pure: readonly PureFigures[]
  readonly checks: readonly Check[]
  readonly blocks: readonly Measured[]
}

/** The report as people read it. */
export function textOf(report: Report): string {
  const { machine, plan } = report
  return [
    ...machineLines(machine),
    `review ${report.reviewBytes} bytes; ${plan.rounds} rounds of ${plan.durationMs / 1000} s; median (min..max) of the rounds`,
    ...Object.entries(report.golden).map(
      ([name, { patchBytes, operations }]) =>
        `patch of ${NAMES[name as ServerName]}: ${operations} operations, ${patchBytes} bytes`,
    ),
    ...section('Admission over TLS, one core', figuresTable(report.figures)),
    ...section('Ours divided by', ratiosTable(report.ratios)),
    ...section('From start to ready, ms', startsTable(report.starts)),
    ...section('The decision alone, median µs per call', pureTable(report.pure)),
    ...section(
      'Targets',
      report.checks.map((check) => [check.met ? 'met' : 'NOT MET', check.id, check.target, digits(check.measured)]),
    ),
    '',
    ...noise(report.blocks),
  ].join('\n')
}

function figuresTable(figures: readonly Figures[]): Row[] {
  const head = [
    'connections',
    'server',
    'requests/s',
    'p50 µs',
    'p99 µs',
    'CPU s/1000',
    'RSS MiB',
    'peak MiB',
    'failed',
  ]
  const rows = figures.map((one) => [
    `${one.connections}`,
    NAMES[one.server],
    spread(one.perSecond),
    spread(one.p50Micros),
    spread(one.p99Micros),
    spread(one.cpuSecondsPer1000),
    digits(one.rssMaxMiB),
    digits(one.peakMiB),
    `${one.failures} of ${one.requests + one.failures}`,
  ])
  return rows.length === 0 ? [] : [head, ...rows]
}

function ratiosTable(ratios: readonly Ratio[]): Row[] {
  const kinds = ['throughput', 'p50', 'p99', 'cpu'] as const
  const pairs = new Map(ratios.map(({ connections, to }) => [`${connections} ${to}`, { connections, to }]))
  const rows = [...pairs.values()].map(({ connections, to }) => [
    `${connections}`,
    NAMES[to],
    ...kinds.map((kind) => {
      const found = ratios.find((one) => one.connections === connections && one.to === to && one.figure === kind)
      return found === undefined ? '' : spread(found.ratio)
    }),
  ])
  return rows.length === 0 ? [] : [['connections', 'server', 'throughput', 'p50', 'p99', 'CPU per call'], ...rows]
}

function startsTable(starts: StartTimes): Row[] {
  return Object.entries(starts).map(([name, times]) => [NAMES[name as ServerName], spread(times)])
}

function pureTable(pure: readonly PureFigures[]): Row[] {
  const head = ['Deployment', 'CREATE', 'its diff', 'UPDATE', 'its diff', 'JSON.parse']
  const rows = pure.map((one) => [
    `${digits(one.bytes / 1000)} kB`,
    ...[one.createMicros, one.createDiffMicros, one.updateMicros, one.updateDiffMicros, one.parseMicros].map(digits),
  ])
  return rows.length === 0 ? [] : [head, ...rows]
}

function noise(blocks: readonly Measured[]): string[] {
  if (blocks.length === 0) return []
  const { others, stolen, load } = disturbanceOf(blocks)
  const percent = (share: number) => `${(share * 100).toFixed(0)} %`
  const line = `In the worst block other processes had ${percent(others)} of the machine's two cores, the hypervisor ${percent(stolen)}, the load ${percent(load)} of its own.`
  return others > NOISY || stolen > NOISY ? [line, 'That is much: measure again on a quiet machine.'] : [line]
}
