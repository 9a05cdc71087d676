/** A thread of `runSeeds`: every so manieth seed, and what happened in them. */
import { parentPort, workerData } from 'node:worker_threads'
import { addCounts, Simulation } from './simulation.ts'

export interface Shard {
  readonly first: number
  readonly last: number
  readonly step: number
}

export interface ShardResult {
  /** How often each thing happened. */
  readonly counts: ReadonlyMap<string, number>
  readonly broken?: { readonly seed: number; readonly violation: string; readonly history: readonly string[] }
}

parentPort?.postMessage(await run(workerData as Shard))

async function run({ first, last, step }: Shard): Promise<ShardResult> {
  const counts = new Map<string, number>()
  for (let seed = first; seed <= last; seed += step) {
    const { violation, history, counts: own } = await new Simulation(seed).run()
    if (violation !== undefined) return { counts, broken: { seed, violation, history: history.slice(-60) } }
    addCounts(counts, own)
  }
  return { counts }
}
