import type { StartTimes } from './start.ts'
import type { Figures, Ratio } from './summary.ts'

/** P1 is asked at this many connections. */
const CONNECTIONS = 25

/** A target of docs/requirements.md and what was measured. */
export interface Check {
  readonly id: 'P1' | 'P2' | 'P3' | 'P4'
  readonly target: string
  readonly measured: number
  readonly met: boolean
}

/** Compares the medians with P1 and P2. What was not measured is left out. */
export function checksOf(figures: readonly Figures[], ratios: readonly Ratio[], starts: StartTimes): Check[] {
  const ratio = (figure: Ratio['figure'], to: Ratio['to']) =>
    ratios.find((one) => one.connections === CONNECTIONS && one.figure === figure && one.to === to)?.ratio.median
  const peaks = figures.filter(({ server }) => server === 'ours').map(({ peakMiB }) => peakMiB)
  return [
    atLeast(
      'P1',
      'throughput at least 1.5 times that of the Go webhook, 25 connections',
      1.5,
      ratio('throughput', 'go'),
    ),
    atMost('P1', 'p99 at most 0.6 times that of the Go webhook, 25 connections', 0.6, ratio('p99', 'go')),
    // By ADR 14.
    atMost('P1', 'CPU at most 2 times that of the baseline, 25 connections', 2, ratio('cpu', 'baseline')),
    atMost(
      'P2',
      'resident memory at most 128 MiB, at its highest',
      128,
      peaks.length === 0 ? undefined : Math.max(...peaks),
    ),
    atMost('P2', 'ready within 500 ms, at the slowest start', 500, starts.ours?.max),
  ].flat()
}

function atLeast(id: Check['id'], target: string, limit: number, measured: number | undefined): Check[] {
  return measured === undefined ? [] : [{ id, target, measured, met: measured >= limit }]
}

/** Nothing where it was not measured. */
export function atMost(id: Check['id'], target: string, limit: number, measured: number | undefined): Check[] {
  return measured === undefined ? [] : [{ id, target, measured, met: measured <= limit }]
}
