/** A serving certificate with its private key, checked to belong together. */
export interface ServingPair {
  /** The certificate, then the intermediate ones. PEM. */
  readonly cert: string
  readonly key: string
  readonly notBefore: Date
  readonly notAfter: Date
}

/** Where the serving certificate comes from. */
export interface CertificateSource {
  /** The last good pair; undefined until there was one. */
  readonly current: ServingPair | undefined
  /** Why nothing can be served at that time, as a sentence; undefined if it can. */
  unusableAt(now: Date): string | undefined
  /** Looks for newer ones from now on and hands each to `use`. */
  watch(use: (pair: ServingPair) => void): void
  stop(): void
}

/** Why the pair can't serve at that time, as a sentence; undefined if it can. */
export function unusableAt(pair: ServingPair, now: Date): string | undefined {
  if (now > pair.notAfter) return `the serving certificate expired on ${pair.notAfter.toISOString()}`
  if (now < pair.notBefore) return `the serving certificate is not valid before ${pair.notBefore.toISOString()}`
  return undefined
}

/** A certificate that can't be used. The message says what was seen and what to do, in one line, without any key material. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly code: 'CERTIFICATE_UNREADABLE' | 'CERTIFICATE_MALFORMED' | 'CERTIFICATE_MISMATCH'

  constructor(code: CertificateError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
