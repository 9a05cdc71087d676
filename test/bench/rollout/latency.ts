import { median, percentile } from '../spread.ts'
import type { Run } from './judge.ts'
import { type Fact, firstOf } from './trail.ts'

/** Something that the wrapper of a pod said, and when containerd read it; milliseconds since 1970. */
export interface Line {
  readonly pod: string
  readonly atMs: number
  readonly text: string
}

/**
 * How long one pod waited for one thing, in milliseconds. Ours begins when the API server has stored the container's state,
 * and ends in the pod; what kubelet took before that, to notice and to say so, is beside it.
 */
export interface Latency {
  readonly rollout: string
  readonly pod: string
  /** From the event itself to its being stored. */
  readonly kubeletMs: number
  /** From there to the stored grant; undefined where the record told the pod earlier. */
  readonly grantMs: number | undefined
  /** From the stored state to the wrapper's going on. */
  readonly wholeMs: number
}

/** Of a rollout: undefined where nothing waited. */
export interface Latencies {
  /** The runner's wrapper runs → its command is started. */
  readonly start: Latency | undefined
  /** The run has ended → a pod that waits for it goes on; the first one first. */
  readonly releases: readonly Latency[]
}

const CONTAINER = 'migrate-io'
const WAITS = /^migrate\.io: waiting/
const STARTS = /^migrate\.io: run \d+: starting/
const GOES_ON = /is already migrated/

export function latenciesOf(rollout: string, run: Run, facts: readonly Fact[], lines: readonly Line[]): Latencies {
  const own = facts.filter((fact) => !('container' in fact) || fact.container === CONTAINER)
  return { start: startOf(rollout, run, own, lines), releases: releasesOf(rollout, run, own, lines) }
}

function startOf(rollout: string, { pod }: Run, facts: readonly Fact[], lines: readonly Line[]): Latency | undefined {
  const runningMs = firstOf(facts, 'running', pod)
  const began = lineOf(lines, pod, WAITS)
  const started = lineOf(lines, pod, STARTS)
  if (runningMs === undefined || began === undefined || started === undefined) return undefined
  return {
    rollout,
    pod,
    kubeletMs: runningMs - began.atMs,
    grantMs: since(runningMs, toldAt(facts, pod, /^run /)),
    wholeMs: started.atMs - runningMs,
  }
}

function releasesOf(
  rollout: string,
  { pod: runner, endedMs = Number.NaN }: Run,
  facts: readonly Fact[],
  lines: readonly Line[],
): Latency[] {
  const storedMs = firstOf(facts, 'ended', runner)
  if (storedMs === undefined) return []
  const waited = [...new Set(lines.map(({ pod }) => pod))].filter((pod) => {
    const runningMs = firstOf(facts, 'running', pod)
    return pod !== runner && runningMs !== undefined && runningMs < storedMs
  })
  return waited
    .flatMap((pod) => lineOf(lines, pod, GOES_ON) ?? [])
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ pod, atMs }) => ({
      rollout,
      pod,
      kubeletMs: storedMs - endedMs,
      grantMs: since(storedMs, toldAt(facts, pod, /^skip$/)),
      wholeMs: atMs - storedMs,
    }))
}

function lineOf(lines: readonly Line[], pod: string, text: RegExp): Line | undefined {
  return lines.find((line) => line.pod === pod && text.test(line.text))
}

function toldAt(facts: readonly Fact[], pod: string, grant: RegExp): number | undefined {
  return facts.find((fact) => fact.kind === 'told' && fact.pod === pod && grant.test(fact.grant))?.atMs
}

function since(fromMs: number, atMs: number | undefined): number | undefined {
  return atMs === undefined ? undefined : atMs - fromMs
}

/** Of many latencies; milliseconds. */
export interface Summary {
  readonly count: number
  readonly median: number
  readonly p99: number
  readonly max: number
}

export function summaryOf(samples: readonly (number | undefined)[]): Summary {
  const known = samples.filter((sample) => sample !== undefined)
  return { count: known.length, median: median(known), p99: percentile(known, 99), max: Math.max(...known) }
}
