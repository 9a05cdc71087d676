import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { place } from '../../support/kube/place.ts'

const cluster = await sharedCluster()

test('P2: a ReplicaSet comes without its template, read or listed', async (t) => {
  const { namespace, api } = await place(t, cluster)
  const labels = { app: 'web' }
  const { status } = await cluster.request('POST', `/apis/apps/v1/namespaces/${namespace}/replicasets`, {
    metadata: { name: 'web-a', labels, annotations: { 'deployment.kubernetes.io/revision': '3' } },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1' }] } },
    },
  })
  assert.equal(status, 201)
  const [listed] = await api.list('ReplicaSet', { namespace, labelSelector: 'app=web' }, (each) => each)
  const read = await api.read('ReplicaSet', namespace, 'web-a')
  for (const found of [listed, read]) {
    assert.ok(found)
    assert.deepEqual([found.metadata.name, found.metadata.labels], ['web-a', labels])
    assert.equal(found.metadata.annotations?.['deployment.kubernetes.io/revision'], '3')
    assert.equal('spec' in found, false)
  }
  assert.equal(await api.read('ReplicaSet', namespace, 'web-b'), undefined)
})
