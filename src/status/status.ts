import { completedOf, entriesOf } from '../lock/record.ts'
import { REVISION_ANNOTATION } from '../names.ts'
import type { Findings, State, StatusReason } from './findings.ts'
import { judge } from './judge.ts'
import { SENTENCES } from './sentences.ts'
import { isAbsent, type Situation } from './situation.ts'
import { wordsOf } from './words.ts'

/**
 * How the migration of one Deployment stands: what `status -o json` prints. Fields may be added, none changes its meaning.
 * Times are ISO 8601 in UTC.
 */
export interface DeploymentStatus {
  readonly namespace: string
  readonly deployment: string
  readonly state: State
  /** Why it is in that state. */
  readonly reason: StatusReason
  /** The revision that is being rolled out, as in the names of its ReplicaSet and the record. */
  readonly revision?: string
  /** Its number, as in `kubectl rollout history`. */
  readonly rollout?: number
  /** Since when it is in that state. */
  readonly since?: string
  /** The number of the present attempt, or of the last one; 0 before the first. */
  readonly attempt: number
  /** What is allowed by migrate.io/retries; absent: as many as it takes. */
  readonly maxAttempts?: number
  /** Who holds the Deployment's own lock. */
  readonly runner?: {
    readonly pod: string
    readonly node?: string
    readonly run: number
    readonly revision: string
    readonly since: string
  }
  readonly lastFailure?: { readonly exitCode: number; readonly nextTry?: string }
  readonly migrated?: {
    readonly pod: string
    readonly image: string
    readonly started: string
    readonly seconds: number
    readonly run: number
  }
  readonly lock: {
    /** As migrate.io/lock says; absent: its own. */
    readonly name?: string
    /** Which Deployment has the named lock. */
    readonly heldBy?: { readonly deployment: string; readonly pod: string; readonly since: string }
    /** Deployments that wait for the named lock, longest first; else pods that wait for their own. */
    readonly queue: readonly string[]
  }
  readonly why: string
  readonly whatToDo: readonly string[]
  readonly notes: readonly string[]
}

/** @param program as its user calls it, for the commands that it names */
export function deploymentStatusOf(situation: Situation, program: string): DeploymentStatus {
  const findings = judge(situation)
  const { facts, read, named } = situation
  const { name: deployment, namespace, annotations } = facts.deployment.metadata
  const { state, reason, revision, run, failed, since, waiting } = findings
  const { why, todo } = SENTENCES[reason](wordsOf(findings, situation, program))
  const rollout = Number(annotations?.[REVISION_ANNOTATION])
  const { retries, lock } = facts.settings
  const done = state === 'Migrated' ? completedOf(entriesOf(read), revision ?? '') : undefined
  const isOurs = run !== undefined && run.revision === revision
  const holder = named?.holder
  return {
    ...{ namespace, deployment, state, reason },
    ...(revision !== undefined && { revision }),
    ...(facts.isInjected && Number.isInteger(rollout) && { rollout }),
    ...(since !== undefined && { since: iso(since) }),
    attempt: attemptOf(findings, isOurs),
    ...(retries !== undefined && { maxAttempts: retries + 1 }),
    ...(run !== undefined && {
      runner: {
        pod: run.pod,
        ...(run.node !== undefined && { node: run.node }),
        run: run.number,
        revision: run.revision,
        since: run.since,
      },
    }),
    ...(failed !== undefined && {
      lastFailure: {
        exitCode: failed.exit,
        ...(findings.nextAt !== undefined && { nextTry: iso(findings.nextAt) }),
      },
    }),
    ...(done !== undefined && {
      migrated: { pod: done.pod, image: done.image, started: done.started, seconds: done.seconds, run: done.number },
    }),
    lock: {
      ...(lock !== undefined && { name: lock }),
      ...(holder !== undefined && { heldBy: holder }),
      queue: lock === undefined ? waiting.filter((pod) => pod !== run?.pod) : [],
    },
    why,
    whatToDo: todo,
    notes: notesOf(findings, situation),
  }
}

/** Interrupted runs don't count: they say nothing about the command. */
function attemptOf({ state, failed, exit }: Findings, isOurs: boolean): number {
  const failures = failed?.count ?? 0
  const isUnderWay = isOurs && (state === 'Running' || state === 'Interrupted')
  return failures + (isUnderWay || exit !== undefined ? 1 : 0)
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

/** With those that wait for a named lock in its queue, longest first. */
export function withQueues(statuses: readonly DeploymentStatus[]): readonly DeploymentStatus[] {
  const queues = new Map<string, string[]>()
  const waiting = statuses.filter(({ reason }) => reason === 'lock-busy')
  for (const { namespace, deployment, lock } of waiting.toSorted((a, b) =>
    (a.since ?? '').localeCompare(b.since ?? ''),
  )) {
    if (lock.name === undefined) continue
    const key = `${namespace}/${lock.name}`
    queues.set(key, [...(queues.get(key) ?? []), deployment])
  }
  return statuses.map((status) => {
    const queue = queues.get(`${status.namespace}/${status.lock.name ?? ''}`)
    return queue === undefined ? status : { ...status, lock: { ...status.lock, queue } }
  })
}

/** What else is worth knowing, whatever the reason of the state: whole sentences. */
function notesOf({ state, reason, run, failed }: Findings, situation: Situation): readonly string[] {
  const { facts, node } = situation
  const notes: string[] = []
  if (state === 'NotInjected') return notes
  if (facts.isPastDeadline && state !== 'Migrated')
    notes.push(
      'The rollout takes longer than spec.progressDeadlineSeconds, so Kubernetes reports it as failed (ProgressDeadlineExceeded). The migration continues all the same; to give it the time it needs, set migrate.io/timeout or a larger progressDeadlineSeconds.',
    )
  if (facts.deployment.spec.paused === true && reason !== 'paused')
    notes.push('The Deployment is paused: later changes to its template are neither rolled out nor migrated.')
  if (isAbsent(situation) && reason !== 'controller-absent' && state !== 'Migrated')
    notes.push('No migrate.io controller is running: the next step waits for it.')
  if (state === 'Waiting' && failed !== undefined)
    notes.push(`Earlier runs of this revision failed: ${failed.count}, the last with exit code ${failed.exit}.`)
  if (run !== undefined && node?.kind === 'unseen')
    notes.push(`Whether node ${run.node} of the runner is alive is unknown: you don't have permission to get nodes.`)
  for (const fault of facts.faults) notes.push(`This has no effect: ${fault}`)
  return notes
}

/** Remembers what was told of each Deployment, and picks those of which there is news. */
export class Changes {
  readonly #told = new Map<string, string>()

  /** Those that differ in more than the time that has gone by since they were given to this function. */
  of(statuses: readonly DeploymentStatus[]): readonly DeploymentStatus[] {
    return statuses.filter(({ namespace, deployment, state, reason, revision, attempt, runner }) => {
      const key = `${namespace}/${deployment}`
      const mark = [state, reason, revision, attempt, runner?.pod].join(' ')
      if (this.#told.get(key) === mark) return false
      this.#told.set(key, mark)
      return true
    })
  }
}

/** Whether nothing happens any more until somebody changes something, or a new pod comes: waiting for it has no use. */
export function standsStill({ state, reason }: Pick<DeploymentStatus, 'state' | 'reason'>): boolean {
  return state === 'NotInjected' || reason === 'gave-up' || reason === 'record-lost'
}
