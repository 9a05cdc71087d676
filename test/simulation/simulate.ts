import { parseArgs } from 'node:util'
import { Simulation } from './simulation.ts'

/**
 * Runs the lock protocol against a world in which everything goes wrong that can:
 *
 *   npm run simulate -- [--seeds N] [--from N]   N seeds, and what happened in them how often
 *   npm run simulate -- --seed N                 one seed, with its whole history
 */
/** More would tell no more. */
const MAX_BROKEN = 5

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})

if (values.seed !== undefined) {
  const { history, violation } = await new Simulation(numberOf('seed', values.seed)).run()
  process.stdout.write(`${history.join('\n')}\n${violation ?? 'all promises kept'}\n`)
  if (violation !== undefined) process.exitCode = 1
} else {
  const [from, seeds] = [numberOf('from', values.from), numberOf('seeds', values.seeds)]
  const started = performance.now()
  const counts = new Map<string, number>()
  const broken: string[] = []
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await new Simulation(seed).run()
    for (const [what, count] of result.counts) counts.set(what, (counts.get(what) ?? 0) + count)
    if (result.violation !== undefined) broken.push(`seed ${seed}: ${result.violation}`)
    if (broken.length === MAX_BROKEN) break
  }
  const width = Math.max(...[...counts.keys()].map((what) => what.length))
  for (const [what, count] of [...counts].toSorted()) process.stdout.write(`${what.padEnd(width)} ${count}\n`)
  process.stdout.write(
    `${values.seeds} seeds in ${((performance.now() - started) / 1000).toFixed(1)} s, ${broken.length} broken\n`,
  )
  if (broken.length > 0) {
    process.stdout.write(`${broken.slice(0, 20).join('\n')}\nnpm run simulate -- --seed N shows its history\n`)
    process.exitCode = 1
  }
}

function numberOf(option: string, text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new Error(`--${option} is a whole number, not ${JSON.stringify(text)}`)
  return Number(text)
}
