import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'

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

/** A certificate that can't be used. The message says what was seen and what to do, in one line, without any key material. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly code: 'CERTIFICATE_UNREADABLE' | 'CERTIFICATE_MALFORMED' | 'CERTIFICATE_MISMATCH'

  constructor(code: CertificateError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** Two texts in PEM, with the names under which a person knows them. */
interface PemTexts {
  readonly cert: string
  readonly certName: string
  readonly key: string
  readonly keyName: string
}

/**
 * Checks that the two texts are a certificate and its own private key, in a form that TLS takes.
 *
 * @throws CertificateError
 */
export function checkedPair({ cert, certName, key, keyName }: PemTexts): ServingPair {
  const leaf = parsed(() => new X509Certificate(cert), `${certName} contains no PEM certificate`, cert)
  const privateKey: KeyObject = parsed(
    () => createPrivateKey(key),
    `${keyName} contains no private key that can be read without a password`,
    key,
  )
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new CertificateError(
      'CERTIFICATE_MISMATCH',
      `the key in ${keyName} does not belong to the first certificate in ${certName}: give two files that were issued together`,
    )
  }
  parsed(() => createSecureContext({ cert, key }), `TLS does not accept the certificate in ${certName}`, cert)
  return { cert, key, notBefore: leaf.validFromDate, notAfter: leaf.validToDate }
}

function parsed<T>(parse: () => T, fault: string, text: string): T {
  try {
    return parse()
  } catch (cause) {
    const seen = text.trim() === '' ? 'it is empty' : `it has ${text.length} characters`
    throw new CertificateError('CERTIFICATE_MALFORMED', `${fault} (${seen}): give a PEM file`, { cause })
  }
}

/** Why the pair can't serve at that time, as a sentence; undefined if it can. */
export function unusableAt(pair: ServingPair, now: Date): string | undefined {
  if (now > pair.notAfter) return `the serving certificate expired on ${pair.notAfter.toISOString()}`
  if (now < pair.notBefore) return `the serving certificate is not valid before ${pair.notBefore.toISOString()}`
  return undefined
}
