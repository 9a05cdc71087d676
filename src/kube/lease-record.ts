import type { Lease } from './objects.ts'

/** Who holds the Lease, as the Lease says. */
export interface LeaseRecord {
  /** Empty: let go. */
  readonly holder: string
  /** How long its holder may lead after each renewal. */
  readonly durationMs: number
  readonly renewTime: string | undefined
}

export function recordOf({ spec }: Lease, otherwise: { readonly durationMs: number }): LeaseRecord {
  const seconds = spec?.leaseDurationSeconds
  return {
    holder: spec?.holderIdentity ?? '',
    durationMs: seconds === undefined ? otherwise.durationMs : seconds * 1000,
    renewTime: spec?.renewTime,
  }
}

export interface Claim {
  readonly identity: string
  readonly durationMs: number
  readonly at: Date
}

/** The Lease's spec once the claim is written over it: a renewal where the holder is the same, else a takeover. */
export function claimed(before: Lease['spec'], { identity, durationMs, at }: Claim): NonNullable<Lease['spec']> {
  const isRenewal = before?.holderIdentity === identity
  const time = microTime(at)
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: isRenewal && before.acquireTime ? before.acquireTime : time,
    renewTime: time,
    leaseTransitions: (before?.leaseTransitions ?? 0) + (isRenewal || before === undefined ? 0 : 1),
  }
}

/** As client-go lets go: nobody holds it, and an observer who misses that waits for a second only. */
export function released(before: Lease['spec'], at: Date): NonNullable<Lease['spec']> {
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(at) }
}

/** Kubernetes' MicroTime has exactly six digits after the second. */
function microTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z')
}
