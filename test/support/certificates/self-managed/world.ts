import {
  type Authority,
  bundleOf,
  type CertificateSnapshot,
  decideCertificateStep,
  type KeptCertificates,
  lifetime,
  type ServingCertificate,
  type Step,
  TIMES,
} from '../../../../src/certificates/self-managed/decide.ts'
import { authority } from './authorities.ts'

/** kubelet and the webhook's poll take this long at most; each replica its own time. */
const FILES_LAG_MS = 180_000
/** An API server follows the configuration within this. */
const API_SERVER_LAG_MS = 30_000

interface Stored {
  readonly version: number
  readonly secret: KeptCertificates | undefined
}
interface Configured {
  readonly generation: number
  readonly configuration: CertificateSnapshot['configuration']
}

interface Kept<T> {
  readonly value: T
  /** Until when some lagging party may still go by it. */
  untilMs: number
}

/** A controller with a clock of its own; what it has read may be outdated when it writes. */
export interface Leader {
  readonly skewMs: number
  versions: string
  sinceMs: number
  /** A write that it has decided on and not yet carried out. */
  pending:
    | { readonly step: Exclude<Step, { kind: 'rest' }>; readonly version: number; readonly generation: number }
    | undefined
}

/** Secret, configuration, API servers and webhooks that lag behind them, and controllers that look at them. */
export class World {
  nowMs = Date.UTC(2030, 0, 1)
  #stored: Stored = { version: 0, secret: undefined }
  #configured: Configured = { generation: 0, configuration: undefined }
  #made = 0
  /** The Secret's version at the last time that it and caBundle were both gone. */
  #lostAtVersion = 0
  /** What caBundle holds is from before that. */
  #isOutdated = false
  /** Issuers of certificates that webhooks may be serving. */
  readonly #served: Kept<string>[] = []
  /** What API servers may go by: only what the controllers wrote counts, not what somebody took away. */
  readonly #trusted: Kept<readonly string[]>[] = []
  readonly steps: string[] = []

  look(leader: Leader): void {
    const { secret, version } = this.#stored
    const { configuration, generation } = this.#configured
    const versions = `${version} ${generation}`
    if (versions !== leader.versions) Object.assign(leader, { versions, sinceMs: this.nowMs })
    const moment = { nowMs: this.nowMs + leader.skewMs, steadyMs: this.nowMs - leader.sinceMs }
    const step = decideCertificateStep({ secret, configuration }, moment, TIMES)
    leader.pending = step.kind === 'rest' ? undefined : { step, version, generation }
  }

  /** The write of the last look, if nothing has changed since: else it fails by its compare-and-swap. */
  write(leader: Leader): boolean {
    const { pending } = leader
    leader.pending = undefined
    if (pending === undefined) return false
    const { step, version, generation } = pending
    if (step.kind === 'trust') {
      const { configuration } = this.#configured
      if (generation !== this.#configured.generation || configuration === undefined) return false
      const authorities = this.#known(step.caBundle)
      this.#configure({ caBundles: configuration.caBundles.map(() => step.caBundle), authorities })
      // Who looked before all was lost writes what nobody serves any more. An API server that goes by it refuses just as one
      // that trusts nobody, as all did until then; the next look puts it right.
      this.#isOutdated = version < this.#lostAtVersion
      if (this.#isOutdated) this.#trusted.pop()
    } else {
      if (version !== this.#stored.version) return false
      this.#store(this.#after(step, this.nowMs + leader.skewMs))
    }
    this.steps.push(step.kind)
    return true
  }

  /** Somebody else's doing. */
  spoil(how: 'delete' | 'lose-key' | 'garbage' | 'empty-certificate'): void {
    const { secret } = this.#stored
    if (secret === undefined) return
    if (how === 'delete') this.#store(undefined)
    if (how === 'lose-key') this.#store({ ...secret, signer: undefined })
    if (how === 'garbage') this.#store({ trusted: [], signer: undefined, serving: undefined })
    if (how === 'empty-certificate') this.#store({ ...secret, serving: undefined })
    this.#excuseLoss()
  }

  /** A configuration comes, as a manifest states it; one that is there is put in its place with or without its caBundle. */
  install(keepsBundle: boolean): void {
    const before = this.#configured.configuration
    if (before && keepsBundle) this.#configured = { ...this.#configured, generation: this.#configured.generation + 1 }
    else this.#configure({ caBundles: ['', ''], authorities: [] })
    this.#excuseLoss()
  }

  /** Where Secret and caBundle are both gone, nobody knows any more what webhooks serve: it begins anew. */
  #excuseLoss(): void {
    const inBundle = this.#isOutdated ? [] : (this.#configured.configuration?.authorities ?? [])
    const known = [...(this.#stored.secret?.trusted ?? []), ...inBundle]
    if (known.length > 0) return
    this.#served.length = 0
    this.#trusted.length = 0
    this.#lostAtVersion = this.#stored.version
  }

  pass(ms: number): void {
    this.nowMs += ms
    for (const list of [this.#served, this.#trusted]) {
      const left = list.filter(({ untilMs }) => untilMs >= this.nowMs)
      list.splice(0, list.length, ...(left as never[]))
    }
  }

  /** A certificate that may be served, and what may be trusted meanwhile, that do not fit. */
  mismatch(): string | undefined {
    for (const { value: issuer } of this.#served)
      for (const { value: trusted } of this.#trusted)
        if (!trusted.includes(issuer)) return `served by ${issuer.trim()}, trusted ${trusted.join(' ')}`.trim()
    return undefined
  }

  get isSettled(): boolean {
    const { secret } = this.#stored
    const { configuration } = this.#configured
    return (
      secret?.trusted.length === 1 &&
      secret.signer === secret.trusted[0] &&
      secret.serving?.issuer === secret.signer?.cert &&
      (configuration?.caBundles.every((each) => each === bundleOf(secret.trusted)) ?? true)
    )
  }

  #after(step: Exclude<Step, { kind: 'rest' | 'trust' }>, byClockMs: number): KeptCertificates {
    const { secret } = this.#stored
    const issued = (signer: Authority): ServingCertificate => ({
      issuer: signer.cert,
      isForService: true,
      ...lifetime(byClockMs, TIMES.servingLifeMs, signer.notAfterMs),
    })
    if (step.kind === 'make-authority') {
      const signer = authority(`authority-${++this.#made}`, byClockMs)
      this.#all.set(signer.cert, signer)
      const serving = step.keep.length === 0 ? issued(signer) : secret?.serving
      return { trusted: [signer, ...step.keep], signer, serving }
    }
    const { signer } = secret ?? {}
    if (!secret || !signer) throw new Error('decided on what is not there')
    if (step.kind === 'issue') return { ...secret, serving: issued(signer) }
    return { ...secret, trusted: [signer] }
  }

  readonly #all = new Map<string, Authority>()
  #known(caBundle: string): Authority[] {
    return [...this.#all.values()].filter(({ cert }) => caBundle.includes(cert)).toReversed()
  }

  #store(secret: KeptCertificates | undefined): void {
    this.#stored = { version: this.#stored.version + 1, secret }
    const issuer = secret?.serving?.issuer
    // Without another the webhook keeps its last good pair, for however long.
    if (issuer === undefined) return
    for (const before of this.#served) before.untilMs = Math.min(before.untilMs, this.nowMs + FILES_LAG_MS)
    this.#served.push({ value: issuer, untilMs: Number.POSITIVE_INFINITY })
  }

  #configure(configuration: NonNullable<CertificateSnapshot['configuration']>): void {
    this.#configured = { generation: this.#configured.generation + 1, configuration }
    for (const before of this.#trusted) before.untilMs = Math.min(before.untilMs, this.nowMs + API_SERVER_LAG_MS)
    const value = configuration.authorities.map(({ cert }) => cert)
    if (value.length > 0) this.#trusted.push({ value, untilMs: Number.POSITIVE_INFINITY })
  }
}
