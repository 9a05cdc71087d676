import type { Lease } from '../kube/objects.ts'

/** Whether a controller is at work, by the Lease by which controllers elect their leader. */
export type ControllerFacts =
  | { readonly kind: 'leading'; readonly leader: string }
  /** Milliseconds since 1970. */
  | { readonly kind: 'stale'; readonly leader: string; readonly renewedAt: number }
  | { readonly kind: 'absent' }
  /** It may not be read, which is common: the Lease is in the namespace of migrate.io itself. */
  | { readonly kind: 'unseen' }

/** The clock of whoever asks may be wrong, and a false alarm is worse than a late one. */
const ALLOWANCE_MS = 60_000
const DURATION_SECONDS = 15

/** @param lease undefined where there is none */
export function controllerFacts(lease: Lease | undefined, now: number): ControllerFacts {
  const { holderIdentity: leader, renewTime, leaseDurationSeconds = DURATION_SECONDS } = lease?.spec ?? {}
  if (leader === undefined || leader === '') return { kind: 'absent' }
  const renewedAt = Date.parse(renewTime ?? '')
  const isStale = !(now - renewedAt <= leaseDurationSeconds * 1000 + ALLOWANCE_MS)
  return isStale ? { kind: 'stale', leader, renewedAt } : { kind: 'leading', leader }
}
