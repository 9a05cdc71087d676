import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { place } from '../../support/kube/place.ts'

const cluster = await sharedCluster()
const OTHER_UID = '11111111-2222-3333-4444-555555555555'

const conflict = { code: 'conflict' }

test('L4: of two writers with the same version one wins, for ConfigMaps and for a pod', async (t) => {
  const { api, namespace, makePod } = await place(t, cluster)
  const made = await api.create('ConfigMap', { metadata: { namespace, name: 'lock' }, data: { number: '1' } })
  const writes = ['a', 'b', 'c', 'd'].map((holder) => api.replace('ConfigMap', { ...made, data: { holder } }))
  const outcomes = await Promise.allSettled(writes)
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'conflict')

  await makePod('runner')
  const { metadata } = (await api.read('Pod', namespace, 'runner')) ?? assert.fail()
  const grants = ['run 1', 'wait 1', 'run 2'].map((grant) => api.annotatePod(metadata, { 'migrate.io/grant': grant }))
  const decided = await Promise.allSettled(grants)
  const [winner, ...others] = decided.filter((each) => each.status === 'fulfilled')
  assert.equal(others.length, 0)
  const stored = await api.read('Pod', namespace, 'runner')
  assert.equal(
    stored?.metadata.annotations?.['migrate.io/grant'],
    winner?.value.metadata.annotations?.['migrate.io/grant'],
  )
})

test('L4: conflict is what comes for another resourceVersion, another UID, an object that has gone, and one that is there', async (t) => {
  const { api, namespace, makePod } = await place(t, cluster)
  const lock = { metadata: { namespace, name: 'lock' } }
  const first = await api.create('ConfigMap', lock)
  await assert.rejects(api.create('ConfigMap', lock), conflict)
  const second = await api.replace('ConfigMap', { ...first, data: { a: 'b' } })
  await assert.rejects(api.replace('ConfigMap', first), conflict)
  const otherUid = { ...second, metadata: { ...second.metadata, uid: OTHER_UID } }
  await assert.rejects(api.replace('ConfigMap', otherUid), conflict)
  await cluster.kubectl(['delete', 'configmap', 'lock', '-n', namespace])
  await assert.rejects(api.replace('ConfigMap', second), conflict)
  const again = await api.create('ConfigMap', lock)
  await assert.rejects(api.replace('ConfigMap', second), conflict)
  await assert.rejects(
    api.replace('ConfigMap', {
      ...second,
      metadata: { ...second.metadata, resourceVersion: again.metadata.resourceVersion },
    }),
    conflict,
  )

  await makePod('a')
  const pod = (await api.read('Pod', namespace, 'a')) ?? assert.fail()
  await assert.rejects(api.annotatePod({ ...pod.metadata, uid: OTHER_UID }, { x: '1' }), conflict)
  await api.annotatePod(pod.metadata, { 'migrate.io/grant': 'wait 1' })
  await assert.rejects(api.annotatePod(pod.metadata, { x: '1' }), conflict)
  const { metadata } = (await api.read('Pod', namespace, 'a')) ?? assert.fail()
  assert.deepEqual(metadata.annotations, { 'migrate.io/grant': 'wait 1' })
  await cluster.kubectl(['delete', 'pod', 'a', '-n', namespace, '--force', '--grace-period=0'])
  assert.equal(await api.read('Pod', namespace, 'a'), undefined)
  await assert.rejects(api.annotatePod(metadata, { x: '1' }), conflict)
  await assert.rejects(api.create('ConfigMap', { metadata: { namespace: 'none', name: 'x' } }), conflict)
})

test('what the API server will never take is invalid; null takes an annotation off; nothing else of the pod changes', async (t) => {
  const { api, namespace, makePod } = await place(t, cluster)
  await makePod('a')
  const before = (await api.read('Pod', namespace, 'a')) ?? assert.fail()
  await assert.rejects(api.annotatePod(before.metadata, { 'bad name': '' }), { code: 'invalid' })
  const set = await api.annotatePod(before.metadata, { 'migrate.io/grant': 'run 1', other: 'x' })
  const { metadata, ...rest } = await api.annotatePod(set.metadata, { other: null })
  assert.deepEqual(metadata.annotations, { 'migrate.io/grant': 'run 1' })
  assert.deepEqual([rest.spec, rest.status], [before.spec, before.status])
  assert.ok(metadata.managedFields?.some(({ manager }) => manager === 'migrate-io'))
})

test('a namespace that is being deleted takes no new object: a conflict, not a lack of permission', async (t) => {
  const { api, namespace } = await place(t, cluster)
  const held = { metadata: { name: 'held', finalizers: ['migrate.io/test'] } }
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  await cluster.request('POST', path, held)
  await cluster.request('DELETE', `/api/v1/namespaces/${namespace}`)
  await assert.rejects(api.create('ConfigMap', { metadata: { namespace, name: 'lock' } }), conflict)
  const body = { metadata: { finalizers: null } }
  await cluster.request('PATCH', `${path}/held`, body, { 'content-type': 'application/merge-patch+json' })
})

test('a list of more than one page has each object once', async (t) => {
  const { api, namespace } = await place(t, cluster)
  const names = Array.from({ length: 230 }, (_, nth) => `m-${nth}`)
  await Promise.all(
    names.map((name) => api.create('ConfigMap', { metadata: { namespace, name, labels: { ours: 'yes' } } })),
  )
  const selection = { namespace, labelSelector: 'ours=yes' }
  const listed = await api.list('ConfigMap', selection, ({ metadata }) => metadata.name)
  assert.deepEqual(listed.toSorted(), names.toSorted())
})
