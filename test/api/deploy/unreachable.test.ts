import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { startCluster } from '../../support/cluster/cluster.ts'
import { apply, assertDone, callsAs, makeNamespace, untilAnswered } from '../../support/deploy/apply.ts'
import { find, type Rendered } from '../../support/deploy/objects.ts'
import { kustomized, NAMESPACE } from '../../support/deploy/rendered.ts'
import { flask, type Manifest, withoutAnnotations } from '../../support/installation/deployment.ts'
import { sum } from '../../support/installation/metrics.ts'

const cluster = await startCluster()
after(() => cluster.stop())
const admin = callsAs(cluster)
const objects = await kustomized('self-managed')

/** What holds all of ours, as a stored Deployment does. */
function injected(manifest: Manifest): void {
  const { metadata, spec } = manifest.spec.template
  metadata.labels = { ...metadata.labels, 'migrate.io/protocol': '1' }
  spec.initContainers = [{ name: 'migrate-io', image: 'app:1' }]
  spec.volumes = [{ name: 'migrate-io', emptyDir: {} }]
}

function deploymentsOf(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments`
}

const served = await makeNamespace(cluster)
const path = deploymentsOf(served)
assertDone(await admin.post(path, flask('stored', injected)), 'from before')
assertDone(await admin.post(path, flask('deleted', injected)), 'from before')
await cluster.kubectl(['label', 'namespace', served, 'migrate.io/injection=enabled'])
// Behind the Service there is nothing here: no node runs the pods.
await apply(cluster, objects)
/** How often the API server has called each of our webhooks. */
async function calls() {
  const metrics = await cluster.metrics()
  const of = (name: string) => sum(metrics, 'apiserver_admission_webhook_request_total', { name })
  return { inject: of('inject.migrate.io'), strip: of('strip.migrate.io') }
}

const asked = () => admin.post(`${path}?dryRun=All`, flask('probe'))
await untilAnswered('the webhook is asked', asked, (status) => status >= 400)

describe('while all of ours is down', () => {
  test('A1: an annotated Deployment is refused, and the message names our webhook', async () => {
    const answers = [
      await admin.post(path, flask('shop')),
      await admin.patch(`${path}/stored`, { spec: { template: { metadata: { labels: { note: 'a' } } } } }),
    ]
    for (const { status, body } of answers) {
      assert.equal(status, 500)
      assert.match(body.message ?? '', /failed calling webhook "inject\.migrate\.io"/)
      assert.match(body.message ?? '', /migrate-io-webhook\.migrate-io\.svc/)
    }
  })

  test('A1: Deployments that are not annotated, and everything in other namespaces, are as ever', async () => {
    const other = await makeNamespace(cluster)
    const before = await calls()
    assert.ok(before.inject > 0, 'a call that fails counts')
    for (const [namespace, manifest] of [
      [served, flask('plain', withoutAnnotations)],
      [other, flask('plain', withoutAnnotations)],
      [other, flask('annotated')],
    ] as const) {
      const place = deploymentsOf(namespace)
      const { name } = manifest.metadata
      assertDone(await admin.post(place, manifest), `${namespace}/${name}`)
      assertDone(await admin.patch(`${place}/${name}`, { spec: { replicas: 2 } }), 'an update')
      assertDone(await admin.patch(`${place}/${name}/scale`, { spec: { replicas: 4 } }), 'its scale')
    }
    assert.deepEqual(await calls(), before, 'we were not even asked')
  })

  test('A11: what is stored can be scaled, and be deleted with all that belongs to it', async () => {
    assertDone(await admin.patch(`${path}/stored/scale`, { spec: { replicas: 2 } }), 'its scale')
    await cluster.kubectl(['delete', 'deployment', 'deleted', '-n', served, '--cascade=foreground', '--timeout=30s'])
  })

  test('A13: what still holds ours in a namespace that has left goes through', async () => {
    const left = await makeNamespace(cluster)
    const before = await calls()
    const stored = assertDone(
      await admin.post(deploymentsOf(left), flask('shop', injected)),
      'with what is left of ours',
    )
    assert.match(JSON.stringify(stored), /"name":"migrate-io"/)
    assert.equal((await calls()).strip, before.strip + 1)
  })
})

describe('our own Deployments', () => {
  test('never wait for our own webhook, whatever labels and annotations they are given', async () => {
    const labels = { 'migrate.io/injection': 'enabled' }
    assertDone(await admin.patch(`/api/v1/namespaces/${NAMESPACE}`, { metadata: { labels } }), 'the label')
    for (const name of ['migrate-io-webhook', 'migrate-io-controller']) {
      const place = `${deploymentsOf(NAMESPACE)}/${name}`
      const annotations = { 'migrate.io/command': 'true' }
      assertDone(await admin.patch(place, { metadata: { annotations } }), name)
      const template = { metadata: { annotations: { restarted: 'now' } } }
      assertDone(await admin.patch(place, { spec: { template } }), `a rollout of ${name}`)
    }
    assertDone(await admin.post(deploymentsOf('kube-system'), flask('system')), 'nor does kube-system')
  })

  test('are pods that PodSecurity restricted admits', async () => {
    const { stdout } = await cluster.kubectl([
      'get',
      'pods',
      '-n',
      NAMESPACE,
      '-o',
      'jsonpath={.items[*].metadata.labels.app\\.kubernetes\\.io/component}',
    ])
    assert.deepEqual(new Set(stdout.split(' ')), new Set(['webhook', 'controller']))
    const { metadata } = find<Rendered>(objects, 'Namespace', NAMESPACE)
    assert.equal(metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted')
  })
})
