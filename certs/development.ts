import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import './reflect.ts'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const CLOCK_SKEW_MS = 5 * 60_000 // another machine's clock may be behind ours
const DAYS_DEFAULT = 90

export const DEFAULT_NAMES = ['localhost', '127.0.0.1', '::1', 'migrate-io-webhook.migrate-io.svc'] as const

/** All in PEM. */
export interface DevelopmentCertificates {
  /** What a client is told to trust, such as the caBundle of a webhook configuration. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

export interface DevelopmentOptions {
  /** DNS names and IP addresses under which clients reach the server. */
  readonly names?: readonly string[]
  readonly days?: number
  /** When the validity begins. */
  readonly now?: Date
}

/**
 * Makes a certificate authority and a serving certificate that it signs. The authority's key is thrown away: nothing else can
 * ever be issued by it, so trusting it on a development machine trusts this one certificate.
 *
 * @throws RangeError if a name or the number of days is no good.
 */
export async function makeDevelopmentCertificates(options: DevelopmentOptions = {}): Promise<DevelopmentCertificates> {
  const { names = DEFAULT_NAMES, days = DAYS_DEFAULT, now = new Date() } = options
  const alternatives = names.map(generalName)
  if (alternatives.length === 0) throw new RangeError('at least one name is needed')
  if (!(days > 0 && days <= 3650)) throw new RangeError(`days must be from 1 to 3650, but is ${days}`)
  const validity = {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
  }
  const authorityKeys = await makeKeys()
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: 'CN=migrate.io development CA',
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  })
  const keys = await makeKeys()
  const serving = await x509.X509CertificateGenerator.create({
    ...validity,
    subject: 'CN=migrate-io-webhook',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternatives),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { ca: pem(authority), cert: pem(serving), key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}

function generalName(name: string): x509.JsonGeneralName {
  if (isIP(name)) return { type: 'ip', value: name }
  if (/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(name) && name.length <= 253) {
    return { type: 'dns', value: name }
  }
  throw new RangeError(`${JSON.stringify(name)} is neither a DNS name nor an IP address`)
}
