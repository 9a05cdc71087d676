import type { Lifetime } from './times.ts'

/** A certificate authority that is trusted. */
export interface Authority extends Lifetime {
  /** PEM in one form, so that equal ones are equal texts. */
  readonly cert: string
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

/** What is read before each decision. */
export interface Snapshot {
  readonly secret: KeptCertificates | undefined
  readonly configuration: TrustedByConfiguration | undefined
}

/** The caBundle for these. */
export function bundleOf(authorities: readonly Authority[]): string {
  return authorities.map(({ cert }) => cert).join('')
}
