import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDevelopmentCertificates, writeCertificates } from '../../../certs/generate.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { until } from '../until.ts'
import { SCOPE_LABEL, scopedName, type WebhookConfiguration, webhookConfiguration } from './configuration.ts'
import { callsOf, type Installation, optIn } from './installation.ts'
import { installedWebhook } from './installed.ts'
import { EFFECTIVE_LIMIT_MS, PROBE, probePath, untilServed } from './served.ts'
import { startWebhookProcess, type WebhookProcess } from './webhook-process.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

export interface InstallOptions {
  /** Serve only namespaces with this label, so that several installations run side by side. Left out: all, as in a real one. */
  readonly scope?: string
  /** More authorities that the API server trusts, for a certificate that comes later. PEM. */
  readonly moreCa?: string
  /** Where the API server reaches the webhook, if not directly. */
  readonly via?: (webhook: WebhookProcess) => Promise<string>
}

/** A process that an API server really calls. */
export interface ProcessInstallation extends Installation {
  /** The process that answers now. */
  readonly webhook: WebhookProcess
  /** The folder with the certificate that the process serves. */
  readonly certificates: string
}

/**
 * Starts the webhook for the API server to call. In a run about what is installed, the webhook is there already, as pods behind
 * a Service, and serves all namespaces: see `installedWebhook`.
 */
export async function installWebhook(cluster: SharedCluster, options: InstallOptions = {}): Promise<Installation> {
  return installedWebhook() ?? installProcess(cluster, options)
}

/** Starts the webhook, installs deploy/base's configuration, and returns when the API server calls it. */
export async function installProcess(
  cluster: SharedCluster,
  options: InstallOptions = {},
): Promise<ProcessInstallation> {
  const { scope, moreCa = '', via = async ({ url }: WebhookProcess) => url } = options
  const certificates = mkdtempSync(join(tmpdir(), 'migrate-io-webhook-'))
  const made = await makeDevelopmentCertificates()
  await writeCertificates(certificates, made)
  const ca = made.ca + moreCa
  const names = { inject: scopedName('inject.migrate.io', scope), strip: scopedName('strip.migrate.io', scope) }
  const labels = (optedIn: boolean) => ({
    ...optIn(optedIn),
    ...(scope !== undefined && { [SCOPE_LABEL]: scope }),
  })
  let webhook = await startWebhookProcess({ certificates, ca })
  const stop = async () => {
    await cluster.request('DELETE', `${CONFIGURATIONS}/${configuration.metadata.name}`)
    await webhook.stop()
    rmSync(certificates, { recursive: true, force: true })
  }
  const configuration = webhookConfiguration({ url: await via(webhook), ca, scope })
  try {
    await put(cluster, configuration)
    await untilCalled(cluster, webhook, labels(true))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    get webhook() {
      return webhook
    },
    names,
    certificates,
    labels,
    async useVersion(root) {
      const previous = webhook
      webhook = await startWebhookProcess({ certificates, ca, root })
      await put(cluster, webhookConfiguration({ url: await via(webhook), ca, scope }))
      await untilCalled(cluster, webhook, labels(true))
      await previous.stop()
    },
    async restart() {
      webhook = await startWebhookProcess({ certificates, ca, port: webhook.port })
      await untilCalled(cluster, webhook, labels(true))
    },
    untilOptedIn: (namespace, optedIn = true) => untilServed(cluster, namespace, optedIn),
    calls: () => callsOf(cluster, names),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function put(cluster: SharedCluster, configuration: WebhookConfiguration): Promise<void> {
  const body = { apiVersion: 'admissionregistration.k8s.io/v1', ...configuration }
  const path = `${CONFIGURATIONS}/${configuration.metadata.name}?fieldManager=install&force=true`
  const answer = await cluster.request('PATCH', path, body, { 'content-type': 'application/apply-patch+yaml' })
  if (answer.status >= 300) throw new Error(`the webhook configuration was refused: ${JSON.stringify(answer.body)}`)
}

/** The API server takes up a configuration when its watch tells it; so it is asked until this process has had a call. */
async function untilCalled(
  cluster: SharedCluster,
  webhook: WebhookProcess,
  labels: Record<string, string>,
): Promise<void> {
  const metadata = { generateName: 'migrate-io-probe-', labels }
  const { body } = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', { metadata })
  const namespace = body.metadata.name
  const look = async () => {
    const answer = await cluster.request('POST', probePath(namespace), PROBE)
    return { status: answer.status, body: answer.body, admissions: await webhook.admissions() }
  }
  try {
    await until('the API server calls the webhook', look, {
      limitMs: EFFECTIVE_LIMIT_MS,
      accept: ({ status, admissions }) => status === 201 && admissions > 0,
    })
  } finally {
    await cluster.request('DELETE', `/api/v1/namespaces/${namespace}`)
  }
}
