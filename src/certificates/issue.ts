import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import './reflect.ts'
import * as x509 from '@peculiar/x509'

/** The curve that each TLS client of the last ten years takes; its handshakes cost a tenth of RSA's. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A certificate with its private key (PKCS #8). PEM. */
export interface Issued {
  readonly cert: string
  readonly key: string
}

interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

interface ServingRequest extends Validity {
  /** A distinguished name, such as `CN=webhook`. */
  readonly subject: string
  /** DNS names and IP addresses under which clients reach the server; at least one. */
  readonly names: readonly string[]
}

/** Makes a certificate authority that may sign serving certificates, and no further authorities. */
export async function makeAuthority(subject: string, validity: Validity): Promise<Issued> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    signingAlgorithm: ALGORITHM,
    name: subject,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return inPem(certificate, keys)
}

/**
 * Makes a key and a serving certificate for it, signed by an authority that `makeAuthority` has made.
 *
 * @throws RangeError if a name is neither a DNS name nor an IP address.
 */
export async function issueServing(authority: Issued, request: ServingRequest): Promise<Issued> {
  const { subject, names, notBefore, notAfter } = request
  const alternatives = names.map(generalName)
  if (alternatives.length === 0) throw new RangeError('at least one name is needed')
  const issuer = new x509.X509Certificate(authority.cert)
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    subject,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await signingKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  })
  return inPem(certificate, keys)
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der = new ArrayBuffer()] = x509.PemConverter.decode(pem)
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}

async function inPem(certificate: x509.X509Certificate, { privateKey }: webcrypto.CryptoKeyPair): Promise<Issued> {
  const key = await webcrypto.subtle.exportKey('pkcs8', privateKey)
  return {
    cert: `${certificate.toString('pem')}\n`,
    key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  }
}

function generalName(name: string): x509.JsonGeneralName {
  if (isIP(name)) return { type: 'ip', value: name }
  if (/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name) && name.length <= 253) {
    return { type: 'dns', value: name }
  }
  throw new RangeError(`${JSON.stringify(name)} is neither a DNS name nor an IP address`)
}
