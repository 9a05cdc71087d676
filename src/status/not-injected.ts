import type { Findings, Reason } from './findings.ts'
import type { Situation } from './situation.ts'

/**
 * Why a Deployment holds nothing of ours. What is wrong with its annotations comes first: in a namespace that has opted
 * in, admission refuses that, so that it is the reason only where nobody was asked.
 *
 * | annotations          | namespace opted in | reason                  |
 * | -------------------- | ------------------ | ----------------------- |
 * | wrong                | whatever           | bad-annotations         |
 * | no command           | whatever           | no-command              |
 * | a command            | no                 | namespace-not-labelled  |
 * | a command            | yes, or unseen     | not-yet-injected        |
 */
export function notInjected({ facts, namespace }: Situation): Findings {
  return {
    state: 'NotInjected',
    reason: reasonOf(),
    revision: undefined,
    run: undefined,
    failed: undefined,
    nextAt: undefined,
    since: undefined,
    waiting: [],
    pod: undefined,
    trouble: undefined,
    exit: undefined,
  }

  function reasonOf(): Reason {
    if (facts.faults.length > 0) return 'bad-annotations'
    if (!facts.hasCommand) return 'no-command'
    if (namespace.kind === 'seen' && namespace.label !== 'enabled') return 'namespace-not-labelled'
    return 'not-yet-injected'
  }
}
