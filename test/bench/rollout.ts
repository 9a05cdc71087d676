/**
 * `npm run bench:rollout`: rollouts with a migration, by hand, by a Job and by migrate.io, beside the same rollouts without
 * one, on a real node. What it measures and must reach: P3 and P4.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.ts'
import { draw } from './rollout/drawings.ts'
import { checksOf, figuresOf, latencyFiguresOf, mistakesOf } from './rollout/figures.ts'
import { carryOut, carryOutSeries, FULL, SHORT } from './rollout/plan.ts'
import { type Report, textOf } from './rollout/report.ts'
import { onStage } from './rollout/stage.ts'

const USAGE = 'usage: node test/bench/rollout.ts [--short] [--json FILE] [--svg FOLDER]'

const say = (text: string) => process.stderr.write(`bench: ${text}\n`)

interface Options {
  readonly short: boolean
  readonly json?: string
  readonly svg?: string
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: 'boolean', default: false }, json: { type: 'string' }, svg: { type: 'string' } },
  })
  return values
}

async function main({ short, json, svg }: Options): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const plan = short ? SHORT : FULL
  const machine = describeMachine()
  await onStage(async (stage) => {
    const rollouts = await carryOut(stage, plan, say)
    const series = await carryOutSeries(stage, plan, say)
    const all = [...rollouts, ...series]
    const figures = figuresOf(rollouts)
    const latencies = latencyFiguresOf(all)
    const checks = checksOf(figures, latencies, plan.seconds)
    const report: Report = { machine, seconds: plan.seconds, figures, latencies, checks, rollouts: all }
    console.log(textOf(report))
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
    if (svg !== undefined) draw(svg, rollouts, plan.drawn)

    const faults = stage.faults().map((line) => `the controller said: ${JSON.stringify(line)}`)
    for (const mistake of [...mistakesOf(all), ...faults]) {
      say(`BROKEN: ${mistake}`)
      process.exitCode = 1
    }
  })
}

try {
  await main(optionsOf(process.argv.slice(2)))
} catch (error) {
  const usage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true
  if (usage) say(USAGE)
  throw error
}
