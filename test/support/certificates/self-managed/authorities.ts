import type {
  Authority,
  CertificateSnapshot,
  ServingCertificate,
} from '../../../../src/certificates/self-managed/decide.ts'
import { bundleOf, lifetime, TIMES } from '../../../../src/certificates/self-managed/decide.ts'

/** Certificates as `decide` sees them, without any real one. */
export function authority(name: string, madeMs: number, lifeMs = TIMES.authorityLifeMs): Authority {
  return { cert: `${name}\n`, ...lifetime(madeMs, lifeMs) }
}

export function servingOf(issuer: Authority | undefined, madeMs: number): ServingCertificate {
  return { issuer: issuer?.cert, isForService: true, ...lifetime(madeMs, TIMES.servingLifeMs) }
}

/** A configuration with our two webhooks that trust these. */
export function trusting(...authorities: Authority[]): NonNullable<CertificateSnapshot['configuration']> {
  const caBundle = bundleOf(authorities)
  return { caBundles: [caBundle, caBundle], authorities }
}
