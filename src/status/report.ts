import type { ControllerFacts } from './controller-facts.ts'
import type { Gathered } from './gather.ts'
import { type DeploymentStatus, statusOf, withQueues } from './status.ts'
import type { Scope } from './survey.ts'

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
  const all = withQueues(situations.map((situation) => statusOf(situation, program)))
  return {
    version: 1,
    controller: { state: controller.kind, ...('leader' in controller && { leader: controller.leader }) },
    deployments: scope.deployment === undefined ? all : all.filter(({ deployment }) => deployment === scope.deployment),
  }
}
