import type { Measured } from './rounds.ts'
import { SERVERS, type ServerName } from './servers.ts'
import { type Spread, spreadOf } from './spread.ts'

const KIB_PER_MIB = 1024

/** The figures of one server at one number of connections, over all rounds. */
export interface Figures {
  readonly server: ServerName
  readonly connections: number
  readonly requests: number
  readonly failures: number
  readonly perSecond: Spread
  readonly p50Micros: Spread
  readonly p99Micros: Spread
  readonly cpuSecondsPer1000: Spread
  readonly rssMaxMiB: number
  readonly peakMiB: number
}

/** A figure of ours divided by the same of another in the same round. */
export interface Ratio {
  readonly connections: number
  readonly figure: 'throughput' | 'p50' | 'p99' | 'cpu'
  readonly to: ServerName
  readonly ratio: Spread
}

export function figuresOf(blocks: readonly Measured[]): Figures[] {
  return connectionsOf(blocks).flatMap((connections) =>
    SERVERS.flatMap((server) => {
      const own = blocks.filter((block) => block.server === server && block.connections === connections)
      if (own.length === 0) return []
      const spread = (figure: (block: Measured) => number) => spreadOf(own.map(figure))
      return {
        server,
        connections,
        requests: sum(own, (block) => block.requests),
        failures: sum(own, failuresOf),
        perSecond: spread(FIGURES.throughput),
        p50Micros: spread(FIGURES.p50),
        p99Micros: spread(FIGURES.p99),
        cpuSecondsPer1000: spread((block) => FIGURES.cpu(block) * 1000),
        rssMaxMiB: Math.max(...own.map((block) => block.serverRssMaxKib)) / KIB_PER_MIB,
        // The kernel's counts of the two are not exact: a sample may lie above the peak.
        peakMiB: Math.max(...own.flatMap((block) => [block.serverPeakKib, block.serverRssMaxKib])) / KIB_PER_MIB,
      }
    }),
  )
}

/** Ratios are taken round by round, so that what slows a whole round down does not show in them. */
export function ratiosOf(blocks: readonly Measured[]): Ratio[] {
  return connectionsOf(blocks).flatMap((connections) =>
    (['go', 'baseline'] as const).flatMap((to) => {
      const pairs = blocks
        .filter((block) => block.server === 'ours' && block.connections === connections)
        .flatMap((ours) => {
          const same = (block: Measured) => block.round === ours.round && block.connections === connections
          return blocks.filter((block) => block.server === to && same(block)).map((theirs) => ({ ours, theirs }))
        })
      if (pairs.length === 0) return []
      return (Object.keys(FIGURES) as Ratio['figure'][]).map((figure) => {
        const ratios = pairs.map(({ ours, theirs }) => FIGURES[figure](ours) / FIGURES[figure](theirs))
        return { connections, figure, to, ratio: spreadOf(ratios) }
      })
    }),
  )
}

export function failuresOf(block: Measured): number {
  return block.failures + block.failedDials
}

/** The largest share of the two cores that was not ours to measure, and the load's highest share of its own core. */
export function disturbanceOf(blocks: readonly Measured[]): { others: number; stolen: number; load: number } {
  const share = (figure: (block: Measured) => number, cores: number) =>
    Math.max(...blocks.map((block) => figure(block) / block.seconds / cores))
  return {
    others: share((block) => block.othersCpuSeconds, 2),
    stolen: share((block) => block.stolenCpuSeconds, 2),
    load: share((block) => block.loadCpuSeconds, 1),
  }
}

const FIGURES: Readonly<Record<Ratio['figure'], (block: Measured) => number>> = {
  throughput: (block) => block.requests / block.seconds,
  p50: (block) => block.p50Micros,
  p99: (block) => block.p99Micros,
  cpu: (block) => block.serverCpuSeconds / block.requests,
}

function connectionsOf(blocks: readonly Measured[]): number[] {
  return [...new Set(blocks.map((block) => block.connections))].toSorted((a, b) => a - b)
}

function sum(blocks: readonly Measured[], figure: (block: Measured) => number): number {
  return blocks.reduce((total, block) => total + figure(block), 0)
}
