import { type Authority, bundleOf, type KeptCertificates, type Snapshot } from './snapshot.ts'
import { type CertificateTimes, isDue } from './times.ts'

/** Why a step is taken: log field and sentence. */
export const REASONS = {
  'no-secret': 'there is no Secret',
  'no-authority': 'the Secret holds no authority with its key',
  'authority-due': 'two thirds of the life of the authority are over',
  'not-trusted': 'the configuration does not say that the authorities are trusted',
  'no-certificate': 'the Secret holds no serving certificate with its key',
  'other-authority': 'the serving certificate is of another authority',
  'other-names': 'the serving certificate is not for the names of the Service',
  'certificate-due': 'two thirds of the life of the serving certificate are over',
  'overlap-over': 'nobody serves a certificate of an older authority any more',
} as const

export type Reason = keyof typeof REASONS

/** Why nothing is to be done now: what is waited for. */
export type Waiting = 'nothing' | 'configuration' | 'trust' | 'overlap'

/** What to do next. Each is one write, after which everything is looked at anew. */
export type Step =
  | {
      readonly kind: 'make-authority'
      readonly why: Reason
      /** These stay trusted, since a webhook may be serving a certificate of theirs. Without any it needs no overlap. */
      readonly keep: readonly Authority[]
    }
  | { readonly kind: 'trust'; readonly why: Reason; readonly caBundle: string }
  | { readonly kind: 'issue'; readonly why: Reason }
  | { readonly kind: 'drop-authorities'; readonly why: Reason }
  | { readonly kind: 'rest'; readonly waitsFor: Waiting }

export interface Moment {
  readonly nowMs: number
  /** How long this process has seen Secret and configuration just as they are. Not by the time of day. */
  readonly steadyMs: number
}

/** More than one is of interest only where somebody keeps spoiling the Secret; it must not grow without end. */
const KEPT_MAX = 10

/**
 * One step towards: a signer that is not due, trusted alone by the configuration, and a serving certificate of it that is not
 * due. On the way no webhook ever serves a certificate whose authority some API server does not trust:
 *
 *   Secret's trusted   caBundle     serving by   next step
 *   old                old          old          make-authority, once old is due or its key is lost
 *   new, old           old          old          trust
 *   new, old           new, old     old          issue, after trustMs
 *   new, old           new, old     new          drop-authorities, after overlapMs
 *   new                new, old     new          trust
 *   new                new          new          rest
 *
 * The waits are counted by the process that looks, and anew after each change and each start: so no clocks of several machines
 * are compared, and a crash at any point costs time only.
 */
export function decide(snapshot: Snapshot, moment: Moment, times: CertificateTimes): Step {
  const { secret, configuration } = snapshot
  if (secret !== undefined && secret.trusted.length > 0) {
    const caBundle = bundleOf(secret.trusted)
    const isTrusted = configuration?.caBundles.every((each) => each === caBundle) ?? true
    if (!isTrusted && secret.signer) return { kind: 'trust', why: 'not-trusted', caBundle }
  }
  const { signer } = secret ?? {}
  if (secret === undefined || signer === undefined || isDue(signer, moment.nowMs)) {
    const why = secret === undefined ? 'no-secret' : signer === undefined ? 'no-authority' : 'authority-due'
    return { kind: 'make-authority', why, keep: inUse(snapshot) }
  }
  const isShared = secret.trusted.length > 1
  const why = whyIssue(secret, signer, moment.nowMs)
  if (why !== undefined) {
    // Those who serve a certificate of the signer already are trusted; so is whatever comes where no other is in use.
    const isSafe = secret.serving?.issuer === signer.cert || !isShared
    if (isSafe || moment.steadyMs >= times.trustMs) return { kind: 'issue', why }
    return { kind: 'rest', waitsFor: 'trust' }
  }
  if (isShared) {
    if (moment.steadyMs >= times.overlapMs) return { kind: 'drop-authorities', why: 'overlap-over' }
    return { kind: 'rest', waitsFor: 'overlap' }
  }
  return { kind: 'rest', waitsFor: configuration === undefined ? 'configuration' : 'nothing' }
}

function whyIssue({ serving }: KeptCertificates, signer: Authority, nowMs: number): Reason | undefined {
  if (serving === undefined) return 'no-certificate'
  if (serving.issuer !== signer.cert) return 'other-authority'
  if (!serving.isForService) return 'other-names'
  return isDue(serving, nowMs) ? 'certificate-due' : undefined
}

/** Newest first. Also expired ones: it may be our clock that is wrong. */
function inUse({ secret, configuration }: Snapshot): readonly Authority[] {
  const all = [...(secret?.trusted ?? []), ...(configuration?.authorities ?? [])]
  const distinct = new Map(all.map((authority) => [authority.cert, authority]))
  return [...distinct.values()].toSorted((a, b) => b.notBeforeMs - a.notBeforeMs).slice(0, KEPT_MAX)
}
