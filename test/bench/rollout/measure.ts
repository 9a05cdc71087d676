import type { Pod } from '../../../src/kube/objects.ts'
import { until } from '../../support/until.ts'
import { type Bar, barsOf } from './bars.ts'
import { deployer, type Subject } from './deploy.ts'
import { earlyStarts, failedRuns, judge, mostAtOnce } from './judge.ts'
import { type Latencies, type Line, latenciesOf } from './latency.ts'
import { busyCores } from './quiet.ts'
import type { Stage } from './stage.ts'
import type { Fact } from './trail.ts'
import { VARIANT, type VariantName } from './variants.ts'

const LIMIT_MS = 600_000 // the article's recipe with 30 replicas takes 2 minutes
const LOOK_MS = 200 // the times are the API server's, so a late look costs nothing

export type Kind = 'creation' | 'restart'

/** One rollout, as it was. */
export interface Rollout {
  readonly variant: VariantName
  readonly kind: Kind
  readonly replicas: number
  /** From the arrival of the first request at the API server until the Deployment's status says that it is done. */
  readonly seconds: number
  readonly runs: number
  readonly mostAtOnce: number
  readonly failed: number
  /** Apps that started before the migration had ended. */
  readonly early: number
  /** Whatever else the machine did in the second before. */
  readonly busyCoresBefore: number | undefined
  readonly bars: readonly Bar[]
  /** Of ours only. */
  readonly latencies: Latencies | undefined
}

export interface MeasureOptions {
  readonly kind: Kind
  /** Look at the machine first. Default: true. */
  readonly isAlone?: boolean
}

/** Rolls out, and returns when the old pods are gone too. */
export async function measure(stage: Stage, subject: Subject, options: MeasureOptions): Promise<Rollout> {
  const { variant, name, replicas } = subject
  const { kind, isAlone = true } = options
  const { migrates } = VARIANT[variant]
  const deploy = deployer(stage)
  const busyCoresBefore = isAlone ? await busyCores() : undefined
  const before = stage.facts().length
  const facts = () => stage.facts().slice(before)

  const job = migrates === 'job' ? `${name}-job-${before}` : undefined
  if (job !== undefined) await deploy.runJob(job, subject)
  const generation = await (kind === 'creation' ? deploy.create(subject) : deploy.restart(subject))
  const complete = await until(
    `the ${kind} of ${name} is done`,
    () => facts().find((fact) => isComplete(fact, name, generation)),
    { limitMs: LIMIT_MS, intervalMs: LOOK_MS },
  )
  const pods = await deploy.untilSettled(name, replicas)
  const seen = facts()
  const asked = seen.find((fact) => fact.kind === 'asked' && fact.of === (job ?? name))
  if (asked === undefined) throw new Error(`the API server's log lacks the request for ${job ?? name}`)

  const own = pods.map(({ metadata }) => metadata.name)
  const jobPods = seen.flatMap((fact) =>
    job !== undefined && fact.kind === 'bound' && fact.pod.startsWith(job) ? [fact.pod] : [],
  )
  const verdict = await judge(stage.database, [...new Set([...own, ...jobPods].map(ownerOf))])
  const [run] = verdict.runs
  const isOurs = migrates === 'ours' && run !== undefined
  return {
    variant,
    kind,
    replicas,
    seconds: (complete.atMs - asked.atMs) / 1000,
    runs: verdict.runs.length,
    mostAtOnce: mostAtOnce(verdict.runs),
    failed: failedRuns(verdict.runs),
    early: migrates === 'nowhere' ? 0 : earlyStarts(verdict).length,
    busyCoresBefore,
    bars: barsOf([...jobPods, ...own], verdict.runs, seen, asked.atMs),
    latencies: isOurs ? latenciesOf(`${name} ${kind}`, run, seen, await linesOf(pods, deploy.logOf)) : undefined,
  }
}

function isComplete(fact: Fact, name: string, generation: number): boolean {
  return fact.kind === 'complete' && fact.of === name && fact.generation >= generation
}

/** The ReplicaSet or Job of a pod. */
function ownerOf(pod: string): string {
  return pod.replace(/-[^-]+$/, '')
}

async function linesOf(
  pods: readonly Pod[],
  logOf: (pod: string, container: string) => Promise<string>,
): Promise<Line[]> {
  const lines: Line[] = []
  for (const { metadata } of pods)
    for (const line of (await logOf(metadata.name, 'migrate-io')).split('\n').filter(Boolean)) {
      const [time = '', ...words] = line.split(' ')
      lines.push({ pod: metadata.name, atMs: Date.parse(time), text: words.join(' ') })
    }
  return lines
}
