import type { Change, Decision } from './decision.ts'

/**
 * Decides what becomes of a Deployment. Pure; never throws on any JSON.
 */
export function decide(change: Change): Decision {
  return { kind: 'untouched', reason: 'no-annotation', deployment: change.object, warnings: [] }
}
