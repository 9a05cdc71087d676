import type { Lease } from '../kube/objects.ts'
import { NAMESPACE } from '../names.ts'

/** Whether a controller is at work, by the Lease by which controllers elect their leader. */
export type ControllerFacts =
  | { readonly kind: 'leading'; readonly leader: string; readonly namespace: string }
  /** Milliseconds since 1970. */
  | { readonly kind: 'stale'; readonly leader: string; readonly renewedAt: number; readonly namespace: string }
  | { readonly kind: 'absent'; readonly namespace: string }
  /** It may not be read, which is common: the Lease is in the namespace of migrate.io itself. */
  | { readonly kind: 'unseen' }

/** The clock of whoever asks may be wrong, and a false alarm is worse than a late one. */
const ALLOWANCE_MS = 60_000
const DURATION_SECONDS = 15

/**
 * @param lease undefined where there is none
 * @param namespace where it was looked for
 */
export function controllerFacts(
  lease: Lease | undefined,
  namespace: string,
  now: number,
): Exclude<ControllerFacts, { kind: 'unseen' }> {
  const { holderIdentity: leader, renewTime, leaseDurationSeconds = DURATION_SECONDS } = lease?.spec ?? {}
  if (leader === undefined || leader === '') return { kind: 'absent', namespace }
  const renewedAt = Date.parse(renewTime ?? '')
  const isStale = !(now - renewedAt <= leaseDurationSeconds * 1000 + ALLOWANCE_MS)
  return isStale ? { kind: 'stale', leader, renewedAt, namespace } : { kind: 'leading', leader, namespace }
}

/** Where migrate.io is installed, as far as can be seen: the usual namespace else. */
export function namespaceOf(controller: ControllerFacts): string {
  return controller.kind === 'unseen' ? NAMESPACE : controller.namespace
}
