const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

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

/** Machines whose clock is behind the controller's, even by a whole time zone, accept a new certificate at once. */
export const BACKDATED_MS = DAY_MS

const RENEWED_AT_SHARE = 2 / 3

export interface Lifetime {
  readonly notBeforeMs: number
  readonly notAfterMs: number
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
