import type { DeploymentStatus } from './status.ts'

/** Whether nothing happens any more until somebody changes something, or a new pod comes: waiting for it has no use. */
export function standsStill({ state, reason }: Pick<DeploymentStatus, 'state' | 'reason'>): boolean {
  return state === 'NotInjected' || reason === 'gave-up' || reason === 'record-lost'
}
