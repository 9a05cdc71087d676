import type { Secret } from '../../kube/objects.ts'

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

/** The text under a key; empty where there is none. */
export function textUnder(secret: Secret | undefined, key: string): string {
  return Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
}

/** The Secret's data with these texts in place of what was there. Keys of others stay. */
export function dataWith(secret: Secret | undefined, values: SecretValues): Record<string, string> {
  const encoded = Object.entries(values).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  return { ...secret?.data, ...Object.fromEntries(encoded) }
}
