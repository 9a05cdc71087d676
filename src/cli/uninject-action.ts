import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { systemClock } from '../kube/clock.ts'
import { type InjectedDeployment, type Migration, migrationOf } from '../uninject/injected.ts'
import {
  findInjected,
  type Inventory,
  sweep,
  takeInventory,
  type UninjectTarget,
  unusedRecords,
} from '../uninject/inventory.ts'
import { takeOff } from '../uninject/take-off.ts'
import { type RolloutResult, waitForRollout } from '../uninject/wait-for-rollout.ts'
import { EXIT_REFUSED, EXIT_STILL_INJECTED, goOnWithoutReader } from './exit-codes.ts'
import { onCluster, troubleInWords } from './on-cluster.ts'
import type { ClusterOptions, FileOptions } from './options.ts'
import { ask, printNote, printWarning } from './terminal.ts'

const AT_ONCE = 10 // rollouts under way: each may take a pod more than before, and the cluster has other work

const AFTERWARDS = [
  'Remove the migrate.io/ annotations from the manifests too (Git, Helm values): applying them again, as a GitOps tool does,',
  'puts the migration back. So does `kubectl rollout undo` to an earlier revision, whose pods never start once',
  'migrate.io is uninstalled.',
]

export interface UninjectOptions extends Partial<FileOptions>, ClusterOptions {
  readonly check?: true
  readonly dryRun?: true
  readonly yes?: true
  readonly wait: boolean
  /** Seconds. */
  readonly timeout: number
}

/** Takes the migration off the Deployments of a cluster, or only says which have it. */
export async function uninjectCluster(command: Command, options: UninjectOptions): Promise<void> {
  await onCluster(command, options, (cluster) => (options.check ? check(cluster) : leave(cluster, options)))
}

/** Prints the name of each injected Deployment, and sets the exit code by whether there is one. Throws KubeError. */
async function check(target: UninjectTarget): Promise<void> {
  const injected = await findInjected(target)
  for (const each of injected) process.stdout.write(`${nameOf(each)}\n`)
  if (injected.length === 0) return
  const where = target.namespace === undefined ? '-A' : `-n ${target.namespace}`
  printNote(
    `${counted(injected.length, 'Deployment')} still injected: without migrate.io, their new pods wait forever. Run: migrate-io uninject ${where}`,
  )
  process.exitCode = EXIT_STILL_INJECTED
}

/** Shows what is injected and what un-injecting does, asks, does it, waits, and says what is left. Throws KubeError. */
async function leave(target: UninjectTarget, options: UninjectOptions): Promise<void> {
  goOnWithoutReader()
  const seen = await takeInventory(target)
  const unused = unusedRecords(seen.records, seen).length
  const where = target.namespace === undefined ? 'the cluster' : `namespace ${target.namespace}`
  if (seen.injected.length === 0 && unused === 0) return printNote(`Nothing is injected in ${where}.`)

  const lines = listed(seen)
  if (lines.length > 0) printNote(`Injected in ${where}: ${counted(lines.length, 'Deployment')}`)
  if (options.dryRun) process.stdout.write(lines.map((line) => `${line}\n`).join(''))
  else for (const line of lines) printNote(`  ${line}`)
  for (const sentence of consequences(seen, unused)) printNote(sentence)
  for (const warning of warnings(seen)) printWarning(warning)
  if (options.dryRun) return printNote('Nothing was changed (--dry-run).')
  if (options.yes !== true && !(await ask('Go on?'))) {
    process.exitCode = EXIT_REFUSED
    return printNote('Nothing was changed.')
  }

  const outcomes = await severalAtOnce(seen.injected, async (each) => {
    const outcome = await uninject(target, each, options)
    process.stdout.write(`${nameOf(each)}: ${outcomeInWords(outcome)}\n`)
    return outcome
  })
  await conclude(target, outcomes)
}

async function uninject(
  target: UninjectTarget,
  injected: InjectedDeployment,
  { wait, timeout }: UninjectOptions,
): Promise<Outcome> {
  let isTakenOff = false
  try {
    if ((await takeOff(target, injected)) === 'gone') return { kind: 'gone' }
    isTakenOff = true
    if (!wait) return { kind: 'not-awaited' }
    printNote(`${nameOf(injected)}: un-injected`)
    return await waitForRollout(target, injected, {
      limitMs: timeout * 1000,
      clock: systemClock,
      onProgress: (at) => printNote(`${nameOf(injected)}: ${at}`),
    })
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    return { kind: isTakenOff ? 'late' : 'failed', why: troubleInWords(error) ?? error.message }
  }
}

async function conclude(target: UninjectTarget, outcomes: readonly Outcome[]): Promise<void> {
  const troubles = outcomes.filter(isTrouble).length
  if (troubles > 0) process.exitCode = EXIT_REFUSED
  if (outcomes.length > 0) {
    printNote(`${outcomes.length - troubles} of ${counted(outcomes.length, 'Deployment')} done.`)
    for (const sentence of AFTERWARDS) printNote(sentence)
  }
  const deleted = await sweep(target)
  if (deleted > 0) printNote(`${counted(deleted, 'lock ConfigMap')} deleted.`)
  const { length: left } = (await takeInventory(target)).records
  if (left > 0)
    printNote(
      `${counted(left, 'lock ConfigMap')} left, which pods may still need: run this again when those pods are gone.`,
    )
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

/** `shop/flask`. */
function nameOf({ key }: InjectedDeployment): string {
  return `${key.namespace}/${key.deployment}`
}

/** A line for each, in columns. */
function listed({ injected, pods }: Pick<Inventory, 'injected' | 'pods'>): readonly string[] {
  const rows = injected.map((each) => [
    nameOf(each),
    each.revision === undefined ? 'no revision yet' : `revision ${each.revision}`,
    counted(each.replicas, 'replica'),
    [inWords(migrationOf(each, pods)), each.isPaused ? 'paused' : ''].filter(Boolean).join('; '),
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function inWords(migration: Migration | undefined): string {
  if (migration === undefined) return ''
  if (migration.kind === 'waits') return `${counted(migration.pods, 'pod')} not migrated yet`
  return `a migration runs in pod ${migration.pod}${migration.since === undefined ? '' : ` since ${migration.since}`}`
}

/** What un-injecting does, a sentence each. @param unused how many of our ConfigMaps nothing will read again */
function consequences({ injected }: Inventory, unused: number): readonly string[] {
  if (injected.length === 0)
    return [`${counted(unused, 'lock ConfigMap')} of Deployments that are no longer injected will be deleted.`]
  return [
    'Un-injecting removes the migrate.io/ annotations and everything that was injected from each of them, and strategy and deadline',
    'become what they were. This changes the pod template, so each Deployment rolls out again, and from then on deploys without its',
    'migration. When the last old pod is gone, its lock ConfigMap with the record of what is migrated is deleted.',
  ]
}

/** What is special about some of them, a sentence each. */
function warnings({ injected, pods }: Inventory): readonly string[] {
  return injected.flatMap((each) => {
    const [name, migration] = [nameOf(each), migrationOf(each, pods)]
    return [
      migration?.kind === 'runs' &&
        `${name}: its migration is running: un-injecting terminates it, and its app starts on the schema as it then is`,
      migration?.kind === 'waits' && `${name}: it is not migrated yet: its app starts on the schema as it is`,
      each.isPaused && `${name}: it is paused: its pods stay as they are until you resume it`,
    ].filter((sentence) => sentence !== false && sentence !== undefined)
  })
}

/** `1 pod`, `2 pods`. */
function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** What became of one Deployment. */
type Outcome =
  | RolloutResult
  | { readonly kind: 'not-awaited' }
  /** Nothing was changed. */
  | { readonly kind: 'failed'; readonly why: string }

/** Each outcome in words, and whether the user is left with something to do. */
const OUTCOMES: Readonly<Record<Outcome['kind'], { readonly words: string; readonly isTrouble: boolean }>> = {
  'rolled-out': { words: 'un-injected and rolled out', isTrouble: false },
  'not-awaited': { words: 'un-injected; its rollout goes on', isTrouble: false },
  paused: { words: 'un-injected; it is paused, so its pods stay as they are until you resume it', isTrouble: false },
  gone: { words: 'deleted in the meantime', isTrouble: false },
  'put-back': {
    words:
      'un-injected, but another client injected it again: remove the annotations from its manifest first (Git, Helm values)',
    isTrouble: true,
  },
  stuck: { words: 'un-injected, but its rollout makes no progress', isTrouble: true },
  late: { words: 'un-injected, but not rolled out within --timeout', isTrouble: true },
  failed: { words: 'still injected', isTrouble: true },
}

function outcomeInWords(outcome: Outcome): string {
  const { words } = OUTCOMES[outcome.kind]
  return 'why' in outcome ? `${words}: ${outcome.why}` : words
}

function isTrouble({ kind }: Outcome): boolean {
  return OUTCOMES[kind].isTrouble
}
