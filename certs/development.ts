import { issueServing, makeAuthority } from '../src/certificates/issue.ts'

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
  if (!(days > 0 && days <= 3650)) throw new RangeError(`days must be from 1 to 3650, but is ${days}`)
  const validity = {
    notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
    notAfter: new Date(now.getTime() + days * DAY_MS),
  }
  const authority = await makeAuthority('CN=migrate.io development CA', validity)
  const serving = await issueServing(authority, { ...validity, subject: 'CN=migrate-io-webhook', names })
  return { ca: authority.cert, ...serving }
}
