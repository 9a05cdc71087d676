import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startCluster } from '../../support/cluster/cluster.ts'
import { apply, assertDone, callsAs, makeNamespace } from '../../support/deploy/apply.ts'
import { kustomized } from '../../support/deploy/rendered.ts'
import { flask } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 30_000
const USER = 'deployer'

interface PodSpec {
  initContainers: object[]
  containers: object[]
  volumes: { name: string }[]
  serviceAccountName?: string
  [field: string]: unknown
}

interface PodObject {
  readonly metadata: { readonly labels: Readonly<Record<string, string>>; readonly annotations?: object }
  readonly spec: PodSpec
}

const cluster = await startCluster()
const installation = await installWebhook(cluster)
after(async () => {
  await installation.stop()
  await cluster.stop()
})
// All but the configuration, since the webhook is a process beside the cluster, and what would run as pods.
const others = (await kustomized('self-managed')).filter(({ kind }) => !/^(Mutating|Deployment|Service$)/.test(kind))
await apply(cluster, others)
const namespace = await makeNamespace(cluster, {
  'migrate.io/injection': 'enabled',
  'pod-security.kubernetes.io/enforce': 'baseline',
})
await installation.untilOptedIn(namespace)
await cluster.kubectl(['create', 'rolebinding', 'edit', '-n', namespace, '--clusterrole=edit', `--user=${USER}`])
const user = callsAs(cluster, USER)
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`

/** What a pod may do: without what is its own, such as the name of its token's volume. */
function powers({ spec }: PodObject): unknown {
  const token = spec.volumes.find(({ name }) => name.startsWith('kube-api-access-'))?.name ?? 'none'
  return JSON.parse(JSON.stringify(spec).replaceAll(token, 'token'))
}

test('S2: a user who may edit Deployments gets no pod by our annotations that they could not write themselves', async () => {
  const manifest = flask('shop', ({ metadata }) => {
    metadata.annotations = {
      'migrate.io/command': 'cat /var/run/secrets/kubernetes.io/serviceaccount/token',
      'migrate.io/lock': 'db',
      'migrate.io/timeout': '5m',
    }
  })
  assertDone(await user.post(deployments, manifest), 'the Deployment')
  const list = () =>
    cluster.get<{ items: PodObject[] }>(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3Dshop`)
  const { body } = await until('it has a pod', list, {
    limitMs: LIMIT_MS,
    accept: (seen) => seen.body.items.length > 0,
  })
  const [pod] = body.items
  assert.ok(pod)
  assert.ok(JSON.stringify(pod.spec.initContainers).includes('"name":"migrate-io"'), 'it is injected')

  const stored = await cluster.get<{ spec: { template: PodObject } }>(`${deployments}/shop`)
  const { metadata, spec } = stored.body.spec.template
  const own = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, generateName: 'own-' }, spec }
  const made = assertDone(await user.post(`/api/v1/namespaces/${namespace}/pods`, own), 'the same pod, by hand')
  assert.deepEqual(powers(made as unknown as PodObject), powers(pod))
})

test('S2: what the app may not have, its migration may not have either', async () => {
  const privileged = flask('privileged', ({ spec }) => {
    const [container] = spec.template.spec.containers
    if (container) container.securityContext = { privileged: true }
  })
  assertDone(await user.post(deployments, privileged), 'the Deployment')
  const message = async () => {
    const { stdout } = await cluster.kubectl(['get', 'events', '-n', namespace, '-o', 'jsonpath={.items[*].message}'])
    return /violates PodSecurity "baseline[^"]*": privileged \(containers? .*migrate-io/.test(stdout)
  }
  await until('PodSecurity refuses its pods', message, { limitMs: LIMIT_MS })
})
