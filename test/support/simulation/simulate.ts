import { parseArgs } from 'node:util'
import { addCounts, Simulation } from './simulation.ts'

/**
 * Runs the lock protocol against a world in which everything goes wrong that can:
 *
 *   npm run simulate -- [--seeds N | --seeds FROM..TO]   so many seeds, from 1 on, or those, and what happened in them
 *   npm run simulate -- --seed N                         one seed, with its whole history
 */
/** More would tell no more. */
const MAX_BROKEN = 5

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '10000' }, seed: { type: 'string' } } })
const [, first = '1', last] = /^(?:(\d+)\.\.)?(\d+)$/.exec(values.seed ?? values.seeds) ?? []
if (last === undefined || Number(first) > Number(last)) {
  process.stderr.write('simulate: seeds are N or FROM..TO, in whole numbers, as in --seeds 1..10000\n')
  process.exit(2)
}

if (values.seed !== undefined) {
  const { history, violation } = await new Simulation(Number(last)).run()
  process.stdout.write(`${history.join('\n')}\n${violation ?? 'all promises kept'}\n`)
  if (violation !== undefined) process.exitCode = 1
} else {
  const started = performance.now()
  const counts = new Map<string, number>()
  const broken: string[] = []
  let seeds = 0
  for (let seed = Number(first); seed <= Number(last); seed++) {
    seeds++
    const result = await new Simulation(seed).run()
    addCounts(counts, result.counts)
    if (result.violation !== undefined) broken.push(`seed ${seed}: ${result.violation}`)
    if (broken.length === MAX_BROKEN) break
  }
  const width = Math.max(...[...counts.keys()].map((what) => what.length))
  for (const [what, count] of [...counts].toSorted()) process.stdout.write(`${what.padEnd(width)} ${count}\n`)
  process.stdout.write(
    `${seeds} seeds in ${((performance.now() - started) / 1000).toFixed(1)} s, ${broken.length} broken\n`,
  )
  if (broken.length > 0) {
    process.stdout.write(`${broken.slice(0, 20).join('\n')}\nnpm run simulate -- --seed N shows its history\n`)
    process.exitCode = 1
  }
}
