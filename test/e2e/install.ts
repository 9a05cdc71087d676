import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeDevelopmentCertificates, writeCertificates } from '../../certs/generate.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { until } from '../until.ts'
import { SCOPE_LABEL, scopedName, type WebhookConfiguration, webhookConfiguration } from './configuration.ts'
import { sum } from './metrics.ts'
import { startWebhookProcess, type WebhookProcess } from './webhook-process.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'
const EFFECTIVE_LIMIT_MS = 30_000 // the API server follows a configuration within a second
const INJECTION_LABEL = 'migrate.io/injection'

/** Never stored. */
const PROBE = {
  metadata: { name: 'probe', annotations: { 'migrate.io/command': 'true' } },
  spec: {
    selector: { matchLabels: { app: 'probe' } },
    template: {
      metadata: { labels: { app: 'probe' } },
      spec: { containers: [{ name: 'probe', image: 'probe:1' }] },
    },
  },
}

export interface InstallOptions {
  /** Serve only namespaces with this label, so that several installations run side by side. Left out: all, as in a real one. */
  readonly scope?: string
  /** More authorities that the API server trusts, for a certificate that comes later. PEM. */
  readonly moreCa?: string
  /** Where the API server reaches the webhook, if not directly. */
  readonly via?: (webhook: WebhookProcess) => Promise<string>
}

/** A webhook process that an API server really calls. */
export interface Installation extends AsyncDisposable {
  /** The process that answers now. */
  readonly webhook: WebhookProcess
  /** Names of the two webhooks, as the API server's messages and metrics have them. */
  readonly names: { readonly inject: string; readonly strip: string }
  /** The folder with the certificate that the process serves. */
  readonly certificates: string
  /** Labels of a namespace that this installation serves; opted in or not. */
  labels(optedIn: boolean): Record<string, string>
  /** From now on the source in another root answers, and this process no longer. */
  useVersion(root: string): Promise<void>
  /** Starts the process again where it was, after `webhook.stop()`. */
  restart(): Promise<void>
  /** Returns when the API server sees a namespace, whose labels were changed, as opted in; or no longer. */
  untilOptedIn(namespace: string, optedIn?: boolean): Promise<void>
  /** How often the API server has called us so far, by its own metric. */
  calls(): Promise<number>
  /** Ends the process and removes the configuration. */
  stop(): Promise<void>
}

/** Starts the webhook, installs deploy/base's configuration, and returns when the API server calls it. */
export async function installWebhook(cluster: SharedCluster, options: InstallOptions = {}): Promise<Installation> {
  const { scope, moreCa = '', via = async ({ url }: WebhookProcess) => url } = options
  const certificates = mkdtempSync(join(tmpdir(), 'migrate-io-webhook-'))
  const made = await makeDevelopmentCertificates()
  await writeCertificates(certificates, made)
  const ca = made.ca + moreCa
  const names = { inject: scopedName('inject.migrate.io', scope), strip: scopedName('strip.migrate.io', scope) }
  const labels = (optedIn: boolean) => ({
    ...(optedIn && { [INJECTION_LABEL]: 'enabled' }),
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
    async calls() {
      const metrics = await cluster.metrics()
      const requests = (name: string) => sum(metrics, 'apiserver_admission_webhook_request_total', { name })
      return requests(names.inject) + requests(names.strip)
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Returns when an annotated Deployment in the namespace is injected; or no longer. */
export async function untilServed(
  cluster: Pick<SharedCluster, 'request'>,
  namespace: string,
  optedIn: boolean,
): Promise<void> {
  const look = () => cluster.request('POST', probePath(namespace), PROBE)
  await until(`${namespace} is ${optedIn ? '' : 'not '}served`, look, {
    limitMs: EFFECTIVE_LIMIT_MS,
    accept: ({ status, body }) => status === 201 && JSON.stringify(body).includes('initContainers') === optedIn,
  })
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

function probePath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`
}
