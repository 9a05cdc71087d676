import type { Api } from '../../kube/api.ts'
import type { Transport } from '../../kube/transport.ts'
import { createWebhookConfigurations } from '../../kube/webhook-configuration.ts'
import type { ControllerMetrics } from '../../observability/controller-metrics.ts'
import type { Logs } from '../../observability/logs.ts'
import { CERTIFICATE_REASONS, type CertificateTimes, type CertificateWait, type Step } from './decide.ts'
import { type CertificateEvent, type CertificateManager, createCertificateManager } from './manager.ts'

const DONE: Readonly<Record<Exclude<Step['kind'], 'rest'>, string>> = {
  'make-authority': 'made a new certificate authority',
  trust: 'wrote caBundle into the webhook configuration',
  issue: 'made a new serving certificate',
  'drop-authorities': 'removed the older certificate authorities from the trusted ones',
}

const WAITS: Readonly<Record<Exclude<CertificateWait, 'nothing'>, string>> = {
  configuration: 'the MutatingWebhookConfiguration does not exist: waiting for it, to write caBundle into it',
  trust: 'a new serving certificate waits until every API server trusts its authority',
  overlap: 'the older certificate authorities stay trusted until no webhook serves a certificate that they issued',
}

/** Names of what is managed, as the manifests have them. */
export interface CertificateNames {
  /** Of the Secret and the Service. */
  readonly namespace: string
  readonly tlsSecret: string
  readonly webhookService: string
  readonly webhookConfiguration: string
}

export type CertificateMetrics = Pick<ControllerMetrics, 'certificateStep' | 'certificateExpiry'>

interface CertificateRoleOptions {
  readonly cluster: { readonly transport: Transport; readonly api: Api }
  readonly names: CertificateNames
  readonly times: Partial<CertificateTimes> | undefined
  readonly logs: Logs
  readonly metrics: CertificateMetrics
  readonly onFailure: (error: unknown) => void
}

/** What the controller's leader does for the webhook's certificate, by the clock, and telling what it does. */
export function createCertificateRole({
  cluster,
  names,
  times,
  ...voices
}: CertificateRoleOptions): CertificateManager {
  const { namespace, tlsSecret, webhookService, webhookConfiguration } = names
  const objects = { secret: `${namespace}/${tlsSecret}`, configuration: webhookConfiguration }
  const teller = new CertificateTeller(voices.logs, voices.metrics, objects)
  const manager = createCertificateManager({
    api: cluster.api,
    configurations: createWebhookConfigurations(cluster.transport),
    namespace,
    secretName: tlsSecret,
    serviceName: webhookService,
    configurationName: webhookConfiguration,
    now: Date.now,
    report: (event) => teller.event(event),
    onFailure: voices.onFailure,
    ...(times && { times }),
  })
  return {
    start: () => manager.start(),
    async stop() {
      await manager.stop()
      teller.forget()
    },
  }
}

/** Log fields. */
interface CertificateObjects {
  /** namespace/name */
  readonly secret: string
  readonly configuration: string
}

/** Tells logs and metrics what becomes of the certificates; what is waited for, once. Never what a Secret holds. */
export class CertificateTeller {
  readonly #logs: Logs
  readonly #metrics: CertificateMetrics
  readonly #about: CertificateObjects
  #waitsFor: CertificateWait = 'nothing'

  constructor(logs: Logs, metrics: CertificateMetrics, about: CertificateObjects) {
    this.#logs = logs
    this.#metrics = metrics
    this.#about = about
  }

  event(event: CertificateEvent): void {
    if (event.kind === 'step') {
      const { kind, why } = event.step
      this.#metrics.certificateStep(kind, why)
      this.#logs.info({ kind, reason: why, ...this.#about }, `${DONE[kind]}: ${CERTIFICATE_REASONS[why]}`)
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
