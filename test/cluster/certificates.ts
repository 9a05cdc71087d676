import { webcrypto } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import '../../certs/reflect.ts'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const { subtle } = webcrypto

export interface Pair {
  certificate: string
  key: string
}

/** The files in the run folder's `pki`, and who each certificate says its holder is. */
export function pkiFiles(folder: string) {
  const file = (name: string) => join(folder, 'pki', name)
  const pair = (name: string): Pair => ({ certificate: file(`${name}.crt`), key: file(`${name}.key`) })
  return {
    ca: pair('ca'),
    serving: pair('serving'),
    admin: pair('admin'),
    controllerManager: pair('controller-manager'),
    serviceAccounts: { publicKey: file('service-accounts.pub'), key: file('service-accounts.key') },
  }
}

/** Makes a certificate authority and all that the control plane needs of it, as PEM files in the run folder. */
export async function makePki(folder: string): Promise<void> {
  const files = pkiFiles(folder)
  const authority = await makeAuthority()
  const { digitalSignature } = x509.KeyUsageFlags
  const leaf = async (to: Pair, name: string, extensions: x509.Extension[]) => {
    const keys = await makeKeys()
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      subject: name,
      issuer: authority.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: authority.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [new x509.KeyUsagesExtension(digitalSignature, true), ...extensions],
    })
    write(to.certificate, certificate.toString('pem'))
    write(to.key, await pem(keys.privateKey))
  }
  const client = [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]
  const server = [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([
      { type: 'ip', value: '127.0.0.1' },
      { type: 'dns', value: 'localhost' },
    ]),
  ]
  const tokens = await makeKeys()
  await Promise.all([
    leaf(files.serving, 'CN=migrate-io-test', server),
    leaf(files.admin, 'CN=admin, O=system:masters', client),
    leaf(files.controllerManager, 'CN=system:kube-controller-manager', client),
  ])
  write(files.ca.certificate, authority.certificate.toString('pem'))
  write(files.ca.key, await pem(authority.keys.privateKey))
  write(files.serviceAccounts.key, await pem(tokens.privateKey))
  write(files.serviceAccounts.publicKey, await pem(tokens.publicKey))
}

async function makeAuthority() {
  const keys = await makeKeys()
  const { keyCertSign, digitalSignature } = x509.KeyUsageFlags
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
  return { keys, certificate }
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
