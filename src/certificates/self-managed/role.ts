import type { Api } from '../../kube/api.ts'
import type { Transport } from '../../kube/transport.ts'
import { createWebhookConfigurations } from '../../kube/webhook-configuration.ts'
import type { Logs } from '../../observability/logs.ts'
import { type CertificateManager, createCertificateManager } from './manager.ts'
import { type CertificateMetrics, CertificateTeller } from './tell.ts'
import type { CertificateTimes } from './times.ts'

/** Names of what is managed, as the manifests have them. */
export interface CertificateNames {
  /** Of the Secret and the Service. */
  readonly namespace: string
  readonly tlsSecret: string
  readonly webhookService: string
  readonly webhookConfiguration: string
}

export interface CertificateRoleOptions {
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
