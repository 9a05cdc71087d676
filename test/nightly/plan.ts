import { globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { mutationLevel } from '../mutations/mutation.ts'
import { MUTATIONS } from '../mutations/table.ts'
import { root } from '../support/tooling/root.ts'

/** Something that takes minutes to hours and is good or not; what is done of it need not be done again. */
export interface Part {
  /** Unique; names its log too. */
  readonly name: string
  /** Of Node, in the tree that is looked at. */
  readonly args: readonly string[]
}

export interface Step {
  readonly title: string
  readonly parts: readonly Part[]
  /** Whether as many parts may run at a time as there are cores; they need no cluster. */
  readonly isParallel: boolean
}

/** How much of it: for a night, or just so that everything is tried once. */
const FULL = { seeds: 1_000_000, shards: 50, mutations: Number.POSITIVE_INFINITY, chaosSeeds: 14, chaosSeconds: 270 }
const SHORT: typeof FULL = { seeds: 400, shards: 2, mutations: 1, chaosSeeds: 1, chaosSeconds: 20 }

/** The steps in their order. The chaos runs' seeds come from the commit: each commit meets others, always the same. */
export function planOf(commit: string, isShort: boolean): readonly Step[] {
  const { seeds, shards, mutations, chaosSeeds, chaosSeconds } = isShort ? SHORT : FULL
  const perShard = seeds / shards
  const firstChaosSeed = Number.parseInt(commit.slice(0, 6), 16) + 1
  const tests = globSync('test/nightly/**/*.test.ts', { cwd: root })
  return [
    {
      title: 'Long waits at full length',
      // There is no short form of it but the tests themselves.
      parts: isShort ? [] : [{ name: 'soak', args: ['test/support/runner/run.ts', '--soak'] }],
      isParallel: false,
    },
    {
      title: `${seeds.toLocaleString('en')} seeds of the simulation`,
      parts: count(shards).map((shard) => {
        const range = `${shard * perShard + 1}..${(shard + 1) * perShard}`
        return { name: `seeds-${range}`, args: ['test/support/simulation/simulate.ts', '--seeds', range] }
      }),
      isParallel: true,
    },
    {
      title: 'Mutations on a node',
      parts: MUTATIONS.filter((mutation) => mutationLevel(mutation) === 'node')
        .slice(0, mutations)
        .map(({ name }) => ({ name: `mutation-${name}`, args: ['test/mutations/run.ts', '--node', name] })),
      isParallel: false,
    },
    {
      title: `Random deeds for ${chaosSeconds} s each`,
      parts: count(chaosSeeds).map((index) => {
        const seed = String(firstChaosSeed + index)
        return { name: `chaos-${seed}`, args: ['test/nightly/chaos.ts', String(chaosSeconds), seed] }
      }),
      isParallel: false,
    },
    {
      title: 'Benchmarks in full',
      parts: isShort
        ? []
        : ['admission', 'rollout'].map((name) => ({ name: `benchmark-${name}`, args: [`test/bench/${name}.ts`] })),
      isParallel: false,
    },
    {
      title: 'Tests that run nightly only, those of the test cluster among them',
      parts: tests.length > 0 ? [{ name: 'tests', args: ['test/support/runner/run.ts', '--level', 'nightly'] }] : [],
      isParallel: false,
    },
  ].filter(({ parts }) => parts.length > 0)
}

/** What became of a part at its last try. */
export interface Outcome {
  readonly isGood: boolean
  readonly seconds: number
  /** The last line that it wrote. */
  readonly said: string
  /** How often it was tried, this one included. */
  readonly tries: number
}

export type Outcomes = Readonly<Record<string, Outcome>>
type Runs = (part: Part) => Promise<{ readonly isGood: boolean; readonly said: string }>

interface RunOptions {
  /** Where it is noted what is done. */
  readonly folder: string
  readonly run: Runs
  readonly say: (line: string) => void
  /** Those that failed are tried once more. */
  readonly isAgain: boolean
}

/** Runs what is not done yet. Each outcome is noted at once, so that whatever ends this process costs one part only. */
export async function carryOut(steps: readonly Step[], { folder, run, say, isAgain }: RunOptions): Promise<Outcomes> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'outcomes.json')
  const outcomes: Record<string, Outcome> = { ...readOutcomes(file) }
  const isLeft = ({ name }: Part) => outcomes[name] === undefined || (isAgain && !outcomes[name].isGood)
  for (const { title, parts, isParallel } of steps) {
    const left = parts.filter(isLeft)
    say(`${title}: ${left.length} of ${parts.length} to do`)
    const queue = left.values()
    const work = async () => {
      for (const part of queue) {
        const started = performance.now()
        const { isGood, said } = await run(part)
        const seconds = Math.round((performance.now() - started) / 1000)
        outcomes[part.name] = { isGood, seconds, said, tries: (outcomes[part.name]?.tries ?? 0) + 1 }
        writeFileSync(`${file}.new`, `${JSON.stringify(outcomes, undefined, 2)}\n`)
        renameSync(`${file}.new`, file)
        say(`  ${part.name}: ${isGood ? 'passed' : 'FAILED'} after ${seconds} s: ${said}`)
      }
    }
    await Promise.all(count(isParallel ? availableParallelism() : 1).map(work))
  }
  return outcomes
}

function readOutcomes(file: string): Outcomes {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Outcomes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

function count(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index)
}
