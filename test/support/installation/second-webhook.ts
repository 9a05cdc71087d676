import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { makeDevelopmentCertificates } from '../../../certs/generate.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { until } from '../until.ts'
import type { Container, Deployment, PodSpec } from './deployment.ts'
import { EFFECTIVE_LIMIT_MS, PROBE, probePath } from './served.ts'

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations'

/** What it adds to the containers that it knows, where they have it not. */
export const VARIABLE = { name: 'AGENT', value: 'on' }
export const MOUNT = { name: 'agent', mountPath: '/agent' }
const VOLUME = { name: 'agent', emptyDir: {} }

export interface SecondWebhookOptions {
  readonly name: string
  /** Of the namespaces that it serves. */
  readonly labels: Readonly<Record<string, string>>
  /** The API server asks the configurations in the order of their names. */
  readonly order: 'before migrate.io' | 'after migrate.io'
  /** Or to init containers only, as one that waits for a network does. */
  readonly addsTo: 'all containers' | 'init containers'
}

/** Another team's mutating webhook of Deployments: a real one, which the API server asks again as it asks ours. */
export interface SecondWebhook extends AsyncDisposable {
  /** How often it was asked so far, about Deployments of that name or of any. */
  calls(deployment?: string): number
}

/** Starts it in this process, installs its configuration, and returns when the API server calls it. */
export async function startSecondWebhook(
  cluster: SharedCluster,
  { name, labels, order, addsTo }: SecondWebhookOptions,
): Promise<SecondWebhook> {
  const { ca, cert, key } = await makeDevelopmentCertificates()
  const asked: string[] = []
  const calls = (deployment?: string) => asked.filter((name) => name === (deployment ?? name)).length
  const server = createServer({ cert, key }, async (request, response) => {
    const review = (await json(request)) as { request: { uid: string; object: Deployment } }
    const { uid, object } = review.request
    asked.push(object.metadata.name)
    const { spec } = object.spec.template
    const after = withAgent(spec, addsTo)
    const patch = JSON.stringify([{ op: 'replace', path: '/spec/template/spec', value: after }])
    const isSame = JSON.stringify(after) === JSON.stringify(spec)
    const patched = isSame ? {} : { patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') }
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true, ...patched },
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const configuration = `${order === 'before migrate.io' ? 'a' : 'z'}-${name}`
  const stop = async () => {
    await cluster.request('DELETE', `${CONFIGURATIONS}/${configuration}`)
    server.closeAllConnections()
    server.close()
  }
  try {
    await install(cluster, configuration, { url: `https://127.0.0.1:${port}/`, ca, name, labels })
    await untilCalled(cluster, labels, () => calls())
  } catch (error) {
    await stop()
    throw error
  }
  return { calls, [Symbol.asyncDispose]: stop }
}

function withAgent(spec: PodSpec, addsTo: SecondWebhookOptions['addsTo']): PodSpec {
  const initContainers = spec.initContainers?.map(containerWithAgent)
  const containers = addsTo === 'all containers' ? spec.containers.map(containerWithAgent) : spec.containers
  const volumes = withItem(spec.volumes, VOLUME, 'name')
  return { ...spec, ...(initContainers && { initContainers }), containers, volumes }
}

function containerWithAgent(container: Container): Container {
  const env = withItem(container.env, VARIABLE, 'name')
  return { ...container, env, volumeMounts: withItem(container.volumeMounts, MOUNT, 'mountPath') }
}

function withItem<T extends object>(items: readonly T[] | undefined, item: T, key: keyof T): T[] {
  return items?.some((other) => other[key] === item[key]) ? [...items] : [...(items ?? []), item]
}

async function install(
  cluster: SharedCluster,
  configuration: string,
  { url, ca, name, labels }: { url: string; ca: string; name: string; labels: Readonly<Record<string, string>> },
): Promise<void> {
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: configuration },
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
        namespaceSelector: { matchLabels: labels },
        rules: [
          { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE', 'UPDATE'] },
        ],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        reinvocationPolicy: 'IfNeeded',
        admissionReviewVersions: ['v1'],
      },
    ],
  }
  const answer = await cluster.request('POST', CONFIGURATIONS, body)
  if (answer.status >= 300) throw new Error(`the second webhook was refused: ${JSON.stringify(answer.body)}`)
}

async function untilCalled(
  cluster: SharedCluster,
  labels: Readonly<Record<string, string>>,
  calls: () => number,
): Promise<void> {
  const metadata = { generateName: 'second-webhook-probe-', labels }
  const { body } = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', { metadata })
  const namespace = body.metadata.name
  try {
    const look = async () => {
      await cluster.request('POST', probePath(namespace), PROBE)
      return calls()
    }
    await until('the API server calls the second webhook', look, { limitMs: EFFECTIVE_LIMIT_MS })
  } finally {
    await cluster.request('DELETE', `/api/v1/namespaces/${namespace}`)
  }
}
