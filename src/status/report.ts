import type { State } from './findings.ts'
import type { Gathered } from './gather.ts'
import type { ControllerFacts } from './situation.ts'
import { type DeploymentStatus, deploymentStatusOf, withQueues } from './status.ts'
import type { Scope } from './survey.ts'
import { span } from './words.ts'

/** What `status -o json` prints. `version` moves when a field changes its meaning or goes. */
export interface Report {
  readonly version: 1
  /** `unseen`: the Lease by which controllers elect their leader may not be read. */
  readonly controller: { readonly state: ControllerFacts['kind']; readonly leader?: string }
  readonly deployments: readonly DeploymentStatus[]
}

/** @param program as its user calls it */
export function reportOf({ situations, controller }: Gathered, scope: Scope, program: string): Report {
  // First all: whoever waits for the same lock is in its queue.
  const all = withQueues(situations.map((situation) => deploymentStatusOf(situation, program)))
  return {
    version: 1,
    controller: { state: controller.kind, ...('leader' in controller && { leader: controller.leader }) },
    deployments: scope.deployment === undefined ? all : all.filter(({ deployment }) => deployment === scope.deployment),
  }
}

/** How a state is to be shown, such as in colour; the text must look as wide as it was. */
type Paint = (state: State, text: string) => string

interface TableOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly withNamespace: boolean
  readonly paint: Paint
}

const GAP = '   ' // as kubectl's
const NOTHING = '-'
const HEADER = ['DEPLOYMENT', 'STATE', 'REVISION', 'RUNNER', 'ATTEMPT', 'SINCE', 'NEXT TRY', 'LOCK', 'QUEUE'] as const
const STATE_COLUMN = HEADER.indexOf('STATE')

/** One line for each Deployment, and below them for each that is not migrated why, and what to do. */
export function tableOf(statuses: readonly DeploymentStatus[], options: TableOptions): string {
  const told = statuses.filter(({ state, notes }) => state !== 'Migrated' || notes.length > 0)
  const paragraphs = told.map((status) => paragraphOf(status, options).join('\n'))
  return [`${rowsOf(statuses, options).join('\n')}\n`, ...paragraphs.map((text) => `${text}\n`)].join('\n')
}

function rowsOf(statuses: readonly DeploymentStatus[], { now, withNamespace, paint }: TableOptions): readonly string[] {
  const lead = (first: string) => (withNamespace ? [first] : [])
  const cells = [
    [...lead('NAMESPACE'), ...HEADER],
    ...statuses.map((status) => [...lead(status.namespace), ...cellsOf(status, now)]),
  ]
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells.map((row, index) => {
    const state = statuses[index - 1]?.state
    return row
      .map((cell, column) => {
        const isLast = column === row.length - 1
        const isState = state !== undefined && column === STATE_COLUMN + (withNamespace ? 1 : 0)
        const padding = isLast ? '' : ' '.repeat((widths[column] ?? 0) - cell.length)
        return `${isState ? paint(state, cell) : cell}${padding}`
      })
      .join(GAP)
  })
}

function cellsOf(status: DeploymentStatus, now: number): readonly string[] {
  const { deployment, state, revision, runner, attempt, maxAttempts, since, lastFailure, lock, reason } = status
  const ago = (time: string | undefined) => (time === undefined ? NOTHING : span(now - Date.parse(time)))
  const next = lastFailure?.nextTry
  return [
    deployment,
    state,
    revision ?? NOTHING,
    runner?.pod ?? NOTHING,
    attempt === 0 ? NOTHING : `${attempt}${maxAttempts === undefined ? '' : `/${maxAttempts}`}`,
    ago(since),
    next !== undefined ? `in ${span(Date.parse(next) - now)}` : reason === 'gave-up' ? 'never' : NOTHING,
    lock.name === undefined ? 'own' : `${lock.name}${lock.heldBy === undefined ? '' : ` (${lock.heldBy.deployment})`}`,
    lock.queue.length === 0 ? NOTHING : queueInWords(status),
  ]
}

function queueInWords({ deployment, lock: { name, queue } }: DeploymentStatus): string {
  const place = queue.indexOf(deployment)
  if (name !== undefined && place >= 0) return `${place + 1} of ${queue.length}`
  const what = name === undefined ? 'pod' : 'Deployment'
  return `${queue.length} ${what}${queue.length === 1 ? '' : 's'}`
}

function paragraphOf(status: DeploymentStatus, { withNamespace, paint }: TableOptions): readonly string[] {
  const { namespace, deployment, state, why, whatToDo, notes } = status
  const place = withNamespace ? `${namespace}/${deployment}` : deployment
  return [
    `${place}: ${paint(state, state)}. ${why}`,
    ...notes.map((note) => `  ${note}`),
    ...(whatToDo.length === 0 ? [] : ['  What to do:', ...whatToDo.map((line) => `    ${line}`)]),
  ]
}

/** One line about one Deployment, for a log of changes. */
export function lineOf({ namespace, deployment, state, why }: DeploymentStatus): string {
  return `${namespace}/${deployment}   ${state}   ${why}`
}
