import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { Secret } from '../../../src/kube/objects.ts'
import { WEBHOOK_SERVICE, WEBHOOK_TLS_SECRET } from '../../../src/names.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { spawnTied } from '../cluster/spawn.ts'
import { SCOPE_LABEL, type WebhookConfiguration, webhookConfiguration } from '../installation/configuration.ts'
import { scopeOf } from '../installation/place.ts'
import { root } from '../tooling/root.ts'
import type { ProgramOptions } from './controller-program.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** A place to install into: a namespace with the Service, by which the API server reaches a port of this machine. */
export interface Site {
  readonly namespace: string
  readonly scope: string
  /** The manifest of deploy/base, without caBundle; the Service's port is the one given. */
  manifest(port: number): WebhookConfiguration
  apply(port: number): Promise<void>
  configuration(): Promise<WebhookConfiguration>
  /** PEM of what the configuration has the API servers trust; one for each webhook. */
  caBundles(): Promise<string[]>
  secret(): Promise<Secret | undefined>
  /** The text under a key of the Secret. */
  kept(key: string): Promise<string>
  readonly secretPath: string
  /** Never stored; the status and what was said. */
  admit(): Promise<{ status: number; said: string }>
}

export async function makeSite(t: TestContext, cluster: SharedCluster): Promise<Site> {
  const scope = scopeOf('certificates')
  const labels = { [SCOPE_LABEL]: scope, 'migrate.io/injection': 'enabled' }
  const namespace = await makeNamespace({})
  const app = await makeNamespace(labels)
  const spec = { type: 'ExternalName', externalName: 'localhost' }
  await cluster.request('POST', `/api/v1/namespaces/${namespace}/services`, {
    metadata: { name: WEBHOOK_SERVICE },
    spec,
  })
  const secretPath = `/api/v1/namespaces/${namespace}/secrets/${WEBHOOK_TLS_SECRET}`
  const { name } = manifest(1).metadata
  t.after(() => cluster.request('DELETE', `${CONFIGURATIONS}/${name}`))

  function manifest(port: number): WebhookConfiguration {
    const made = webhookConfiguration({ url: 'https://localhost', ca: '', scope })
    for (const { clientConfig } of made.webhooks) {
      const path = new URL(clientConfig.url ?? '').pathname
      delete clientConfig.url
      delete clientConfig.caBundle
      Object.assign(clientConfig, { service: { namespace, name: WEBHOOK_SERVICE, port, path } })
    }
    return made
  }

  async function makeNamespace(namespaceLabels: Record<string, string>): Promise<string> {
    const metadata = { generateName: 'certificates-', labels: namespaceLabels }
    const { body } = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', { metadata })
    t.after(() => cluster.request('DELETE', `/api/v1/namespaces/${body.metadata.name}`))
    return body.metadata.name
  }

  const configuration = async () => (await cluster.get<WebhookConfiguration>(`${CONFIGURATIONS}/${name}`)).body
  const secret = async () => {
    const { status, body } = await cluster.get<Secret>(secretPath)
    return status === 200 ? body : undefined
  }
  return {
    namespace,
    scope,
    manifest,
    secretPath,
    configuration,
    secret,
    async apply(port) {
      await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(manifest(port)) })
    },
    async caBundles() {
      const { webhooks } = await configuration()
      return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString())
    },
    kept: async (key) => Buffer.from((await secret())?.data?.[key] ?? '', 'base64').toString(),
    async admit() {
      const path = `/apis/apps/v1/namespaces/${app}/deployments?dryRun=All`
      const { status, body } = await cluster.request('POST', path, DEPLOYMENT)
      const said = JSON.stringify(body)
      return status === 201 && !said.includes('initContainers') ? { status: 0, said: 'not injected' } : { status, said }
    },
  }
}

const DEPLOYMENT = {
  metadata: { name: 'app', annotations: { 'migrate.io/command': 'true' } },
  spec: {
    selector: { matchLabels: { app: 'app' } },
    template: { metadata: { labels: { app: 'app' } }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
  },
}

export type ControllerOptions = Pick<ProgramOptions, 'kubeconfig' | 'namespace' | 'webhookConfiguration'> &
  Partial<ProgramOptions>

export interface Controller {
  /** The lines of its log whose message matches. */
  said(message: RegExp): readonly Record<string, unknown>[]
  /** In the Prometheus text format. */
  metrics(): Promise<string>
  /** All that it has written. */
  text(): string
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/**
 * Starts a controller that sees to the certificates; returns at once. Without times of the test's own it is
 * `migrate-io controller` as an administrator runs it.
 */
export function startController(t: TestContext, options: ControllerOptions): Controller {
  const args = options.certificateTimes
    ? [join(import.meta.dirname, 'controller-program.ts'), JSON.stringify(options)]
    : [join(root, 'src/main.ts'), 'controller', '--host', '127.0.0.1', '--port', '0', ...flagsOf(options)]
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const child = spawnTied(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream as Readable).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit')
  const stop: Controller['stop'] = async (signal = 'SIGTERM') => {
    child.kill(signal)
    await ended
  }
  t.after(() => stop('SIGKILL'))
  const said: Controller['said'] = (message) =>
    lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ msg }) => message.test(String(msg)))
  return {
    said,
    async metrics() {
      const port = said(/^controller is running$/)[0]?.['port']
      return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    },
    text: () => lines.join('\n'),
    stop,
  }
}

function flagsOf({ kubeconfig, namespace, webhookConfiguration }: ControllerOptions): string[] {
  const flags = { kubeconfig, namespace, certificates: 'self-managed', 'webhook-configuration': webhookConfiguration }
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
}
