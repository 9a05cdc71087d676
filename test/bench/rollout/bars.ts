import type { Run } from './judge.ts'
import { type Fact, firstOf } from './trail.ts'

/** One pod of a rollout; seconds since it was asked for. */
export interface Bar {
  readonly pod: string
  /** When it was given to the node. */
  readonly from: number
  readonly migrating: { readonly from: number; readonly to: number } | undefined
  /** Of a Job's pod: undefined. */
  readonly ready: number | undefined
}

/** In the order in which they came. */
export function barsOf(pods: readonly string[], runs: readonly Run[], facts: readonly Fact[], askedMs: number): Bar[] {
  const seconds = (atMs: number) => Math.max(0, (atMs - askedMs) / 1000)
  return pods
    .map((pod): Bar => {
      // A run that was ended and begun again is shown by its last try.
      const run = runs.findLast((each) => each.pod === pod && each.endedMs !== undefined)
      const readyMs = firstOf(facts, 'ready', pod)
      return {
        pod,
        from: seconds(firstOf(facts, 'bound', pod) ?? askedMs),
        migrating: run && { from: seconds(run.startedMs), to: seconds(run.endedMs ?? run.startedMs) },
        ready: readyMs === undefined ? undefined : seconds(readyMs),
      }
    })
    .toSorted((a, b) => a.from - b.from || (a.ready ?? 0) - (b.ready ?? 0))
}
