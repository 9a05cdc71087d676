import { KubeError } from '../../kube/api.ts'
import { systemClock } from '../../kube/clock.ts'
import type { InjectedDeployment } from '../../uninject/injected.ts'
import { type Ground, survey, sweep, unusedRecords } from '../../uninject/survey.ts'
import { takeOff } from '../../uninject/take-off.ts'
import { untilRolledOut } from '../../uninject/until-rolled-out.ts'
import { ask } from '../cluster/ask.ts'
import { troubleInWords } from '../cluster/trouble.ts'
import { EXIT_REFUSED } from '../exit-codes.ts'
import { isTrouble, type Outcome, outcomeInWords } from './outcome.ts'
import { consequences, counted, listed, nameOf, warnings } from './plan.ts'
import { say, warn } from './say.ts'

const AT_ONCE = 10 // rollouts under way: each may take a pod more than before, and the cluster has other work

export interface LeaveOptions {
  readonly yes?: true
  readonly dryRun?: true
  readonly wait: boolean
  readonly timeoutSeconds: number
}

const AFTERWARDS = [
  'Take the migrate.io/ annotations out of the manifests too (Git, Helm values): whoever applies them again, a GitOps tool',
  'included, puts the migration back. So does `kubectl rollout undo` to a revision from before, whose pods never start once',
  'migrate.io is uninstalled.',
]

/** Shows what is injected and what un-injecting does, asks, does it, waits, and says what is left. Throws KubeError. */
export async function leave(ground: Ground, options: LeaveOptions): Promise<void> {
  const seen = await survey(ground)
  const unused = unusedRecords(seen.records, seen).length
  const where = ground.namespace === undefined ? 'the cluster' : `namespace ${ground.namespace}`
  if (seen.injected.length === 0 && unused === 0) return say(`Nothing is injected in ${where}.`)

  const lines = listed(seen)
  if (lines.length > 0) say(`Injected in ${where}: ${counted(lines.length, 'Deployment')}`)
  if (options.dryRun) process.stdout.write(lines.map((line) => `${line}\n`).join(''))
  else for (const line of lines) say(`  ${line}`)
  for (const sentence of consequences(seen, unused)) say(sentence)
  for (const warning of warnings(seen)) warn(warning)
  if (options.dryRun) return say('Nothing was changed (--dry-run).')
  if (options.yes !== true && !(await ask('Go on?'))) {
    process.exitCode = EXIT_REFUSED
    return say('Nothing was changed.')
  }

  const outcomes = await severalAtOnce(seen.injected, async (each) => {
    const outcome = await uninject(ground, each, options)
    process.stdout.write(`${nameOf(each)}: ${outcomeInWords(outcome)}\n`)
    return outcome
  })
  await conclude(ground, outcomes)
}

async function uninject(
  ground: Ground,
  injected: InjectedDeployment,
  { wait, timeoutSeconds }: LeaveOptions,
): Promise<Outcome> {
  let isTakenOff = false
  try {
    if ((await takeOff(ground, injected)) === 'gone') return { kind: 'gone' }
    isTakenOff = true
    if (!wait) return { kind: 'not-awaited' }
    say(`${nameOf(injected)}: un-injected`)
    return await untilRolledOut(ground, injected, {
      limitMs: timeoutSeconds * 1000,
      clock: systemClock,
      onProgress: (at) => say(`${nameOf(injected)}: ${at}`),
    })
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    return { kind: isTakenOff ? 'late' : 'failed', why: troubleInWords(error) ?? error.message }
  }
}

async function conclude(ground: Ground, outcomes: readonly Outcome[]): Promise<void> {
  const troubles = outcomes.filter(isTrouble).length
  if (troubles > 0) process.exitCode = EXIT_REFUSED
  if (outcomes.length > 0) {
    say(`${outcomes.length - troubles} of ${counted(outcomes.length, 'Deployment')} done.`)
    for (const sentence of AFTERWARDS) say(sentence)
  }
  const deleted = await sweep(ground)
  if (deleted > 0) say(`${counted(deleted, 'lock ConfigMap')} deleted.`)
  const { length: left } = (await survey(ground)).records
  if (left > 0)
    say(`${counted(left, 'lock ConfigMap')} left, which pods may still need: run this again when these have gone.`)
}

async function severalAtOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  const rest = items.entries()
  const worker = async () => {
    for (const [at, item] of rest) results[at] = await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return results
}
