import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Shard, ShardResult } from './shard.ts'

/** Seeds 1 to `seeds`, dealt to as many threads as there are cores. Each ends with its first seed that is broken. */
export async function runSeeds(seeds: number): Promise<readonly ShardResult[]> {
  const step = availableParallelism()
  return await Promise.all(
    Array.from({ length: step }, async (_, index) => {
      const workerData: Shard = { first: index + 1, last: seeds, step }
      const worker = new Worker(new URL('shard.ts', import.meta.url), { workerData })
      const [result] = (await once(worker, 'message')) as [ShardResult]
      return result
    }),
  )
}
