import type { Pod } from '../kube/objects.ts'
import { isWaiting, mayBeTold } from './choose.ts'
import { grantOf } from './grant.ts'
import { runningSince } from './pod-state.ts'

/**
 * Since when a pod's wrapper has been waiting for its turn, by its node's clock; milliseconds since 1970. Undefined where it
 * does not wait: it does not run yet, is the command by now, or is about to let the app start.
 */
export function waitsSince(pod: Pod): number | undefined {
  if (!isWaiting(pod) || !(mayBeTold(pod) || grantOf(pod).kind === 'unreadable')) return undefined
  const since = Date.parse(runningSince(pod) ?? '')
  return Number.isNaN(since) ? undefined : since
}
