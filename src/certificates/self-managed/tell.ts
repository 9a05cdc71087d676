import type { ControllerMetrics } from '../../observability/controller-metrics.ts'
import type { Logs } from '../../observability/logs.ts'
import { REASONS, type Step, type Waiting } from './decide.ts'
import type { CertificateEvent } from './manager.ts'

const DONE: Readonly<Record<Exclude<Step['kind'], 'rest'>, string>> = {
  'make-authority': 'made a new certificate authority',
  trust: 'wrote caBundle into the webhook configuration',
  issue: 'made a new serving certificate',
  'drop-authorities': 'took the older certificate authorities out of what is trusted',
}

const WAITS: Readonly<Record<Exclude<Waiting, 'nothing'>, string>> = {
  configuration: 'there is no such MutatingWebhookConfiguration: waits for it, to write caBundle into it',
  trust: 'a new serving certificate waits until every API server trusts its authority',
  overlap: 'the older certificate authorities stay trusted until no webhook serves a certificate of theirs',
}

export type CertificateMetrics = Pick<ControllerMetrics, 'certificateStep' | 'certificateExpiry'>

/** Log fields. */
export interface CertificateObjects {
  /** namespace/name */
  readonly secret: string
  readonly configuration: string
}

/** Tells logs and metrics what becomes of the certificates; what is waited for, once. Never what a Secret holds. */
export class CertificateTeller {
  readonly #logs: Logs
  readonly #metrics: CertificateMetrics
  readonly #about: CertificateObjects
  #waitsFor: Waiting = 'nothing'

  constructor(logs: Logs, metrics: CertificateMetrics, about: CertificateObjects) {
    this.#logs = logs
    this.#metrics = metrics
    this.#about = about
  }

  event(event: CertificateEvent): void {
    if (event.kind === 'step') {
      const { kind, why } = event.step
      this.#metrics.certificateStep(kind, why)
      this.#logs.info({ kind, reason: why, ...this.#about }, `${DONE[kind]}: ${REASONS[why]}`)
      return
    }
    const { signer, serving } = event.snapshot.secret ?? {}
    this.#metrics.certificateExpiry('authority', signer?.notAfterMs)
    this.#metrics.certificateExpiry('serving', serving?.notAfterMs)
    const { waitsFor } = event
    const isSaid = this.#waitsFor === waitsFor
    this.#waitsFor = waitsFor
    if (isSaid || waitsFor === 'nothing') return
    this.#logs[waitsFor === 'configuration' ? 'warn' : 'info'](this.#about, WAITS[waitsFor])
  }

  /** Another controller leads. */
  forget(): void {
    this.#waitsFor = 'nothing'
    this.#metrics.certificateExpiry('authority', undefined)
    this.#metrics.certificateExpiry('serving', undefined)
  }
}
