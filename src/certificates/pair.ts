import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { CertificateError, type ServingPair } from './source.ts'

/** Two texts in PEM, with the names under which a person knows them. */
export interface PemTexts {
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
  const leaf = parsed(() => new X509Certificate(cert), `${certName} holds no PEM certificate`, cert)
  const privateKey: KeyObject = parsed(
    () => createPrivateKey(key),
    `${keyName} holds no private key that can be read without a password`,
    key,
  )
  if (!leaf.checkPrivateKey(privateKey)) {
    throw new CertificateError(
      'CERTIFICATE_MISMATCH',
      `the key in ${keyName} does not belong to the first certificate in ${certName}: give two files that were issued together`,
    )
  }
  parsed(() => createSecureContext({ cert, key }), `TLS does not take the certificate in ${certName}`, cert)
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
