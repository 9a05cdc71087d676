import { type Spread, spreadOf } from '../spread.ts'
import { atMost, type Check } from '../targets.ts'
import { type Latencies, type Latency, type Summary, summaryOf } from './latency.ts'
import type { Kind, Rollout } from './measure.ts'
import { floorOf, VARIANT, VARIANTS, type VariantName } from './variants.ts'

/** P3 is asked of a restart of this many. */
const REPLICAS = 10
const RATIO = 1.15
const MORE_SECONDS = 2.5

const MEDIAN_RELEASE_MS = 500
const P99_RELEASE_MS = 1_500
const MEDIAN_START_MS = 700

/** All rollouts of one kind, variant and size. */
export interface Figures {
  readonly variant: VariantName
  readonly kind: Kind
  readonly replicas: number
  readonly count: number
  readonly seconds: Spread
  /** The largest of each. */
  readonly runs: number
  readonly mostAtOnce: number
  readonly failed: number
  /** Median over that of the floor of the same pace; undefined where there is none. */
  readonly toFloor: number | undefined
}

export interface LatencyFigures {
  readonly what: keyof typeof SAMPLES
  readonly kubelet: Summary
  readonly grant: Summary
  /** After the grant: kubelet brings it into the pod, and the wrapper looks. */
  readonly delivery: Summary
  readonly whole: Summary
}

/** In the order of sizes, kinds and variants. */
export function figuresOf(rollouts: readonly Rollout[]): Figures[] {
  const sizes = [...new Set(rollouts.map(({ replicas }) => replicas))].toSorted((a, b) => a - b)
  const pick = (variant: VariantName, kind: Kind, replicas: number) =>
    rollouts.filter((one) => one.variant === variant && one.kind === kind && one.replicas === replicas)
  return sizes.flatMap((replicas) =>
    (['creation', 'restart'] as const).flatMap((kind) =>
      VARIANTS.flatMap((variant): Figures[] => {
        const own = pick(variant, kind, replicas)
        if (own.length === 0) return []
        const most = (figure: (one: Rollout) => number) => Math.max(...own.map(figure))
        const seconds = spreadOf(own.map((one) => one.seconds))
        const floor = pick(floorOf(VARIANT[variant]), kind, replicas).map((one) => one.seconds)
        return [
          {
            variant,
            kind,
            replicas,
            count: own.length,
            seconds,
            runs: most(({ runs }) => runs),
            mostAtOnce: most(({ mostAtOnce }) => mostAtOnce),
            failed: most(({ failed }) => failed),
            toFloor: floor.length === 0 ? undefined : seconds.median / spreadOf(floor).median,
          },
        ]
      }),
    ),
  )
}

const SAMPLES = {
  start: ({ start }: Latencies) => (start === undefined ? [] : [start]),
  first: ({ releases }: Latencies) => releases.slice(0, 1),
  each: ({ releases }: Latencies) => releases,
} as const

export function latencyFiguresOf(rollouts: readonly Rollout[]): LatencyFigures[] {
  const measured = rollouts.flatMap(({ latencies }) => latencies ?? [])
  return (['start', 'first', 'each'] as const).flatMap((what) => {
    const samples = measured.flatMap<Latency>(SAMPLES[what])
    if (samples.length === 0) return []
    const summary = (figure: (one: Latency) => number | undefined) => summaryOf(samples.map(figure))
    const delivery = summary(({ grantMs, wholeMs }) => (grantMs === undefined ? undefined : wholeMs - grantMs))
    const [kubelet, grant] = [summary(({ kubeletMs }) => kubeletMs), summary(({ grantMs }) => grantMs)]
    return [{ what, kubelet, grant, delivery, whole: summary(({ wholeMs }) => wholeMs) }]
  })
}

/** Compares with P3 and P4. What was not measured is left out. Seconds and milliseconds. */
export function checksOf(
  figures: readonly Figures[],
  latencies: readonly LatencyFigures[],
  migration: number,
): Check[] {
  const restart = (variant: VariantName) =>
    figures.find((one) => one.variant === variant && one.kind === 'restart' && one.replicas === REPLICAS)?.seconds
      .median
  const whole = (what: LatencyFigures['what']) => latencies.find((one) => one.what === what)?.whole
  return [
    ...(['ours', 'ours-keep'] as const).flatMap((variant) => {
      const floor = restart(floorOf(VARIANT[variant]))
      if (floor === undefined) return []
      const limit = longest(migration, floor)
      const target = `restart of ${REPLICAS}, ${VARIANT[variant].title}: at most ${limit.toFixed(1)} s beside a floor of ${floor.toFixed(1)} s`
      return atMost('P3', target, limit, restart(variant))
    }),
    ...atMost(
      'P4',
      "runner's end → first waiting pod goes on: median ≤ 500 ms",
      MEDIAN_RELEASE_MS,
      whole('first')?.median,
    ),
    ...atMost('P4', "runner's end → first waiting pod goes on: p99 ≤ 1500 ms", P99_RELEASE_MS, whole('first')?.p99),
    ...atMost('P4', 'wrapper running → command started: median ≤ 700 ms', MEDIAN_START_MS, whole('start')?.median),
  ]
}

/** P3: 1.15 times of migration and floor, or both and 2.5 s more, whichever is larger. Seconds. */
export function longest(migration: number, floor: number): number {
  return Math.max(RATIO * (migration + floor), floor + migration + MORE_SECONDS)
}

/** What must never be, whatever the time: one sentence each. */
export function mistakesOf(rollouts: readonly Rollout[]): string[] {
  return rollouts.flatMap(({ variant, kind, replicas, runs, mostAtOnce, failed, early }) => {
    const what = `${VARIANT[variant].title}, ${kind} of ${replicas}`
    const isOurs = VARIANT[variant].migrates === 'ours'
    return [
      ...(isOurs && runs !== 1 ? [`${what}: ${runs} runs where there must be one`] : []),
      ...(isOurs && mostAtOnce > 1 ? [`${what}: ${mostAtOnce} runs at once`] : []),
      ...(failed > 0 ? [`${what}: ${failed} runs never came to their end`] : []),
      ...(early > 0 ? [`${what}: ${early} apps started before the migration had ended`] : []),
    ]
  })
}
