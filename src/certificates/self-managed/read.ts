import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Secret } from '../../kube/objects.ts'
import type { WebhookConfiguration } from '../../kube/webhook-configuration.ts'
import { CertificateError, checkedPair } from '../serving-pair.ts'
import type { Authority, KeptCertificates, ServingCertificate, TrustedByConfiguration } from './decide.ts'

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** The keys of the Secret, by the names that Secrets of type kubernetes.io/tls and cert-manager have. */
export const KEYS = {
  serving: 'tls.crt',
  servingKey: 'tls.key',
  /** All authorities that are to be trusted, those of certificates that may still be served included. */
  authorities: 'ca.crt',
  /** The key of the newest of them. */
  authorityKey: 'ca.key',
} as const

export type SecretValues = Partial<Record<(typeof KEYS)[keyof typeof KEYS], string>>

/** What the Secret holds; whatever makes no sense counts as not there. `names` are those of the Service. */
export function keptIn(secret: Secret, names: readonly string[]): KeptCertificates {
  const authorities = authoritiesIn(textUnder(secret, KEYS.authorities))
  const key = signingKeyOf(textUnder(secret, KEYS.authorityKey))
  const signer = key && authorities.find(({ certificate }) => certificate.checkPrivateKey(key))
  return {
    trusted: authorities.map(({ authority }) => authority),
    signer: signer?.authority,
    serving: servingOf(secret, authorities, names),
  }
}

export function trustedBy({ webhooks = [] }: WebhookConfiguration): TrustedByConfiguration {
  const caBundles = webhooks.map(({ clientConfig }) => textOf(clientConfig.caBundle))
  const authorities = authoritiesIn(caBundles.join('\n'))
  return { caBundles, authorities: authorities.map(({ authority }) => authority) }
}

interface ParsedAuthority {
  readonly authority: Authority
  readonly certificate: X509Certificate
}

/** Each once. */
function authoritiesIn(pem: string): readonly ParsedAuthority[] {
  const found = new Map<string, ParsedAuthority>()
  for (const [block] of pem.matchAll(PEM_CERTIFICATE)) {
    const certificate = parsed(() => new X509Certificate(block))
    if (certificate === undefined || !certificate.ca) continue
    const cert = certificate.toString()
    found.set(cert, { certificate, authority: { cert, ...lifetimeOf(certificate) } })
  }
  return [...found.values()]
}

function servingOf(
  secret: Secret,
  authorities: readonly ParsedAuthority[],
  names: readonly string[],
): ServingCertificate | undefined {
  const [cert, key] = [textUnder(secret, KEYS.serving), textUnder(secret, KEYS.servingKey)]
  try {
    checkedPair({ cert, certName: KEYS.serving, key, keyName: KEYS.servingKey })
  } catch (error) {
    if (error instanceof CertificateError) return undefined
    throw error
  }
  const leaf = new X509Certificate(cert)
  const issuer = authorities.find(
    ({ certificate }) => leaf.checkIssued(certificate) && leaf.verify(certificate.publicKey),
  )
  return {
    issuer: issuer?.authority.cert,
    isForService: names.every((name) => leaf.checkHost(name) !== undefined),
    ...lifetimeOf(leaf),
  }
}

/** Undefined for a key that we can't sign with, such as one of another algorithm. */
function signingKeyOf(pem: string): KeyObject | undefined {
  const key = parsed(() => createPrivateKey(pem))
  return key?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
}

function lifetimeOf({ validFromDate, validToDate }: X509Certificate): { notBeforeMs: number; notAfterMs: number } {
  return { notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() }
}

function textOf(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString()
}

function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

/** The text under a key; empty where there is none. */
export function textUnder(secret: Secret | undefined, key: string): string {
  return Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
}

/** The Secret's data with these texts in place of what was there. Keys of others stay. */
export function dataWith(secret: Secret | undefined, values: SecretValues): Record<string, string> {
  const encoded = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  return { ...secret?.data, ...Object.fromEntries(encoded) }
}
