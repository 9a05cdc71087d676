import { webcrypto } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import '../../../src/certificates/reflect.ts'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const { subtle } = webcrypto
const { digitalSignature, keyCertSign } = x509.KeyUsageFlags

/** Paths of a certificate and its key, PEM. */
export interface Pair {
  certificate: string
  key: string
}

export interface Holder {
  /** A distinguished name: the user as CN, its groups as O. */
  subject: string
  /** The addresses and DNS names that a server is called by; without any it is a client's certificate. */
  addresses?: string[]
  names?: string[]
}

/** Makes a certificate authority in the given files. */
export async function makeAuthority(to: Pair): Promise<void> {
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(),
    name: 'CN=migrate-io-test-ca',
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(keyCertSign | digitalSignature, true),
    ],
  })
  write(to.certificate, certificate.toString('pem'))
  write(to.key, await pem(keys.privateKey))
}

/** Makes a key and a certificate of the authority for it. */
export async function issue(authority: Pair, to: Pair, { subject, addresses = [], names = [] }: Holder): Promise<void> {
  const issuer = new x509.X509Certificate(readFileSync(authority.certificate, 'utf8'))
  const [der = new ArrayBuffer()] = x509.PemConverter.decode(readFileSync(authority.key, 'utf8'))
  const signingKey = await subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
  const called: x509.JsonGeneralNames = [
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
    ...names.map((value) => ({ type: 'dns' as const, value })),
  ]
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage
  const keys = await makeKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    ...validity(),
    subject,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([called.length > 0 ? serverAuth : clientAuth]),
      ...(called.length > 0 ? [new x509.SubjectAlternativeNameExtension(called)] : []),
    ],
  })
  write(to.certificate, certificate.toString('pem'))
  write(to.key, await pem(keys.privateKey))
}

/** Makes a bare key pair, as service account tokens are signed with. */
export async function makeKeyPair(to: { publicKey: string; key: string }): Promise<void> {
  const keys = await makeKeys()
  write(to.key, await pem(keys.privateKey))
  write(to.publicKey, await pem(keys.publicKey))
}

/** Valid since yesterday, so that a clock that is set back a little doesn't matter. */
function validity() {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 365 * DAY_MS) }
}

function makeKeys() {
  return subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  const isPrivate = key.type === 'private'
  const der = await subtle.exportKey(isPrivate ? 'pkcs8' : 'spki', key)
  return x509.PemConverter.encode(der, isPrivate ? 'PRIVATE KEY' : 'PUBLIC KEY')
}

function write(file: string, text: string): void {
  writeFileSync(file, `${text.trim()}\n`, { mode: 0o600 })
}
