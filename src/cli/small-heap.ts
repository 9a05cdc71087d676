/**
 * V8 and the allocator trade memory for throughput in ways that suit a server with gigabytes. Measured under the load of
 * P1, these bring the webhook, for instance, from 135 MiB to below 90 MiB at the same throughput.
 */
const FLAGS: readonly string[] = [
  // MiB. Some 30 reviews, so that a collection finds next to nothing alive; a larger nursery only takes more pages.
  '--max-semi-space-size=4',
  // MiB. What is loaded at the start fits; the garbage of loading it is then collected at once.
  '--initial-old-space-size=12',
  // Compiling on other threads leaves each of them an arena of the allocator, 15 MiB in all.
  '--no-concurrent-recompilation',
  // The middle compiler takes memory while it works, and the optimizing one follows soon after.
  '--no-maglev',
  // So small a nursery is collected sooner by one thread than several can agree on it.
  '--no-parallel-scavenge',
]
const ENVIRONMENT = { MALLOC_ARENA_MAX: '1' }

/**
 * Starts this process anew with these settings, which can be given only at a start: same process id, same arguments.
 * Returns where they are set already, or whoever started the program chose a heap of their own.
 *
 * @param limitMib of the heap: V8 lets one grow in smaller steps where its limit is low
 */
export function useSmallHeap(limitMib: number): void {
  // Node cuts small Buffers from shared slabs, and a slab lives long enough to grow old, where only a full collection frees
  // it. Those are rare here: up to 1.5 MiB of slabs a second piled up under load.
  Buffer.poolSize = 0
  const given = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')]
  if (given.some((flag) => /^--max[-_](semi|old)[-_]space[-_]size/.test(flag)) || process.execve === undefined) return
  const flags = [...FLAGS, `--max-old-space-size=${limitMib}`]
  process.execve(process.execPath, [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    ...ENVIRONMENT,
  })
}
