import { isAbsent } from './absent.ts'
import type { Findings } from './findings.ts'
import type { Situation } from './situation.ts'

/** What else is worth knowing, whatever the reason of the state: whole sentences. */
export function notesOf({ state, reason, run, failed }: Findings, situation: Situation): readonly string[] {
  const { facts, node } = situation
  const notes: string[] = []
  if (state === 'NotInjected') return notes
  if (facts.isPastDeadline && state !== 'Migrated')
    notes.push(
      'The rollout takes longer than spec.progressDeadlineSeconds, so Kubernetes calls it failed (ProgressDeadlineExceeded). The migration goes on all the same; migrate.io/timeout, or a larger progressDeadlineSeconds, gives it the time it needs.',
    )
  if (facts.deployment.spec.paused === true && reason !== 'paused')
    notes.push('The Deployment is paused: what was changed in its template since is not rolled out, nor migrated.')
  if (isAbsent(situation) && reason !== 'controller-absent' && state !== 'Migrated')
    notes.push('No controller of migrate.io is at work: what comes next waits for it.')
  if (state === 'Waiting' && failed !== undefined)
    notes.push(`Earlier runs of this revision failed: ${failed.count}, the last with exit code ${failed.exit}.`)
  if (run !== undefined && node?.kind === 'unseen')
    notes.push(`Whether node ${run.node} of the runner is alive can't be told: you may not get nodes.`)
  for (const fault of facts.faults) notes.push(`This has no effect: ${fault}`)
  return notes
}
