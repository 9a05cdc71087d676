const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** Machines whose clock is behind the controller's, even by a whole time zone, accept a new certificate at once. */
const BACKDATED_MS = DAY_MS
const RENEWED_AT_SHARE = 2 / 3
/** More than one is of interest only where somebody keeps spoiling the Secret; it must not grow without end. */
const KEPT_MAX = 10

/** Why a step is taken: log field and sentence. */
export const CERTIFICATE_REASONS = {
  'no-secret': 'the Secret does not exist',
  'no-authority': 'the Secret has no authority with its key',
  'authority-due': "two thirds of the authority's lifetime are over",
  'not-trusted': 'the webhook configuration does not trust the authorities',
  'no-certificate': 'the Secret has no serving certificate with its key',
  'other-authority': 'another authority issued the serving certificate',
  'other-names': 'the serving certificate does not cover the names of the Service',
  'certificate-due': "two thirds of the serving certificate's lifetime are over",
  'overlap-over': 'no webhook serves a certificate from an older authority any longer',
} as const

type CertificateReason = keyof typeof CERTIFICATE_REASONS

/** Why nothing is to be done now: what is waited for. */
export type CertificateWait = 'nothing' | 'configuration' | 'trust' | 'overlap'

/** What to do next. Each is one write, after which everything is looked at anew. */
export type Step =
  | {
      readonly kind: 'make-authority'
      readonly why: CertificateReason
      /** These stay trusted, since a webhook may be serving a certificate of theirs. Without any it needs no overlap. */
      readonly keep: readonly Authority[]
    }
  | { readonly kind: 'trust'; readonly why: CertificateReason; readonly caBundle: string }
  | { readonly kind: 'issue'; readonly why: CertificateReason }
  | { readonly kind: 'drop-authorities'; readonly why: CertificateReason }
  | { readonly kind: 'rest'; readonly waitsFor: CertificateWait }

/** What is read before each decision. */
export interface CertificateSnapshot {
  readonly secret: KeptCertificates | undefined
  readonly configuration: TrustedByConfiguration | undefined
}

/** What the Secret's keys hold, as far as it makes sense. */
export interface KeptCertificates {
  /** `ca.crt`: all that caBundle is to hold. */
  readonly trusted: readonly Authority[]
  /** The one of them whose key is `ca.key`. */
  readonly signer: Authority | undefined
  /** `tls.crt` and `tls.key`, where these are a pair. */
  readonly serving: ServingCertificate | undefined
}

/** A certificate authority that is trusted. */
export interface Authority extends Lifetime {
  /** PEM in one form, so that equal ones are equal texts. */
  readonly cert: string
}

export interface ServingCertificate extends Lifetime {
  /** The PEM of that trusted authority which has signed it. */
  readonly issuer: string | undefined
  /** Whether it is for the Service, by all of its names. */
  readonly isForService: boolean
}

/** Whom the API servers trust. */
export interface TrustedByConfiguration {
  /** PEM, one for each webhook; empty where there is none. */
  readonly caBundles: readonly string[]
  /** All that these hold. */
  readonly authorities: readonly Authority[]
}

export interface Lifetime {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** When the certificates change. Tests shorten them. */
export interface CertificateTimes {
  /** Between two looks at the Secret and the configuration. */
  readonly lookMs: number
  /** How long caBundle must have stood unchanged before a serving certificate comes that needs it. */
  readonly trustMs: number
  /** How long a new serving certificate must have stood in the Secret before the authority of the old one is trusted no more. */
  readonly overlapMs: number
  readonly authorityLifeMs: number
  readonly servingLifeMs: number
}

export const TIMES: CertificateTimes = {
  // While caBundle is lacking, annotated Deployments are refused; two reads of small objects cost next to nothing.
  lookMs: 10_000,
  // Each API server follows the configuration by its watch, within a second where all is well.
  trustMs: MINUTE_MS,
  // kubelet brings a changed Secret to its pods within two minutes, and the webhook looks at its files every 5 s. A node may
  // be cut off for longer, and waiting costs nothing: the old authority's key is already gone.
  overlapMs: HOUR_MS,
  // Nobody but the API servers trusts it, for this one webhook. Long enough that a rotation is rare, short enough that a
  // forgotten backup of the Secret becomes worthless.
  authorityLifeMs: 3 * 365 * DAY_MS,
  // Renewed after 60 days: all controllers may be away for 30 days before anything expires.
  servingLifeMs: 90 * DAY_MS,
}

interface Moment {
  readonly nowMs: number
  /** How long this process has seen Secret and configuration just as they are. Not by the time of day. */
  readonly steadyMs: number
}

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
export function decideCertificateStep(snapshot: CertificateSnapshot, moment: Moment, times: CertificateTimes): Step {
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

function whyIssue({ serving }: KeptCertificates, signer: Authority, nowMs: number): CertificateReason | undefined {
  if (serving === undefined) return 'no-certificate'
  if (serving.issuer !== signer.cert) return 'other-authority'
  if (!serving.isForService) return 'other-names'
  return isDue(serving, nowMs) ? 'certificate-due' : undefined
}

/** Newest first. Also expired ones: it may be our clock that is wrong. */
function inUse({ secret, configuration }: CertificateSnapshot): readonly Authority[] {
  const all = [...(secret?.trusted ?? []), ...(configuration?.authorities ?? [])]
  const distinct = new Map(all.map((authority) => [authority.cert, authority]))
  return [...distinct.values()].toSorted((a, b) => b.notBeforeMs - a.notBeforeMs).slice(0, KEPT_MAX)
}

/** The caBundle for these. */
export function bundleOf(authorities: readonly Authority[]): string {
  return authorities.map(({ cert }) => cert).join('')
}

/** From now on, backdated; never beyond the limit. */
export function lifetime(nowMs: number, lifeMs: number, limitMs = Number.POSITIVE_INFINITY): Lifetime {
  return { notBeforeMs: nowMs - BACKDATED_MS, notAfterMs: Math.min(nowMs + lifeMs, limitMs) }
}

/** Whether two thirds of its life are over; or it has not begun, as made by a controller whose clock was wrong. */
export function isDue({ notBeforeMs, notAfterMs }: Lifetime, nowMs: number): boolean {
  const madeMs = notBeforeMs + BACKDATED_MS
  return nowMs < notBeforeMs || nowMs >= madeMs + RENEWED_AT_SHARE * (notAfterMs - madeMs)
}
