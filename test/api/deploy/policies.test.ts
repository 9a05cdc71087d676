import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertDenied, assertDone, callsAs, makeNamespace, untilAnswered } from '../../support/deploy/apply.ts'
import { annotations, GRANT, manyAnnotations, podManifest, policyStage } from '../../support/deploy/policy-stage.ts'

const { cluster, served, admin, editor, controller, pods, configMaps, makePod } = await policyStage()

async function granted(): Promise<string> {
  const name = await makePod()
  assertDone(await controller.patch(`${pods}/${name}/status`, annotations({ [GRANT]: 'run 1' })), 'the grant')
  return name
}

describe('the grant', () => {
  const POLICY = 'migrate-io-grant'

  test('S2: nobody but the controller puts one on a pod, in whatever way', async () => {
    const name = await makePod()
    const grant = annotations({ [GRANT]: 'run 1' })
    assertDenied(await editor.post(pods, podManifest({ annotations: { [GRANT]: 'run 1' } })), POLICY, 'with a new pod')
    assertDenied(await editor.patch(`${pods}/${name}`, grant), POLICY, 'on a pod')
    assertDenied(await admin.patch(`${pods}/${name}`, grant), POLICY, 'by an administrator')
    assertDenied(await admin.patch(`${pods}/${name}/status`, grant), POLICY, 'by its status')
    const namesake = `system:serviceaccount:${served}:migrate-io-controller`
    await cluster.kubectl(['create', 'clusterrolebinding', 'namesake', '--clusterrole=admin', `--user=${namesake}`])
    const other = callsAs(cluster, namesake)
    await untilAnswered(
      'it may',
      () => other.patch(`${pods}/${name}`, annotations({ note: 'a' })),
      (status) => status === 200,
    )
    assertDenied(await other.patch(`${pods}/${name}`, grant), POLICY, 'by an account of the same name elsewhere')
  })

  test('S2: nor by a Binding, whose annotations are put on the pod', async () => {
    const name = await makePod()
    const binding = (values: Record<string, string>) => ({
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, annotations: values },
      target: { kind: 'Node', name: 'node-1' },
    })
    const paths = [`${pods}/${name}/binding`, `/api/v1/namespaces/${served}/bindings`]
    for (const path of paths) assertDenied(await admin.post(path, binding({ [GRANT]: 'run 1' })), POLICY, path)
    assertDone(await admin.post(`${pods}/${name}/binding`, binding({ note: 'by a scheduler' })), 'another annotation')
  })

  test('S2: nobody but the controller changes it or takes it off, also while the pod is being deleted', async () => {
    const name = await granted()
    for (const value of ['run 2', 'skip', null])
      assertDenied(await editor.patch(`${pods}/${name}`, annotations({ [GRANT]: value })), POLICY, String(value))
    assertDone(await controller.patch(`${pods}/${name}/status`, annotations({ [GRANT]: 'wait 1' })), 'by it')
    assertDone(await admin.patch(`${pods}/${name}`, { metadata: { finalizers: ['example.com/held'] } }), 'a finalizer')
    await cluster.kubectl(['delete', 'pod', name, '-n', served, '--wait=false', '--grace-period=0'])
    assertDenied(await editor.patch(`${pods}/${name}`, annotations({ [GRANT]: 'run 3' })), POLICY, 'while it ends')
    assertDone(await admin.patch(`${pods}/${name}`, { metadata: { finalizers: null } }), 'its finalizer goes')
  })

  test('everything else about a pod is as ever, with a grant and without', async () => {
    for (const name of [await makePod(), await makePod({ annotations: {} }), await granted()]) {
      assertDone(await editor.patch(`${pods}/${name}`, { metadata: { labels: { note: 'a' } } }), 'a label')
      assertDone(await editor.patch(`${pods}/${name}`, annotations({ note: 'a' })), 'an annotation')
      assertDone(await admin.patch(`${pods}/${name}/status`, { status: { phase: 'Running' } }), 'the status')
      assertDone(await admin.patch(`${pods}/${name}`, { spec: { activeDeadlineSeconds: 9000 } }), 'the spec')
    }
    assertDone(await editor.post(pods, podManifest({ annotations: { [GRANT]: '' } })), 'an empty one says nothing')
  })
})

describe('the record of what is migrated', () => {
  const POLICY = 'migrate-io-records'
  const NAME = 'deployment.restored.migrate-io'
  const BACKUP = { 'completed.5d8f9': '{"pod":"restored-5d8f9-1"}', number: '1', holder: 'free since run 1' }
  const LABEL = { 'migrate.io/record': 'deployment' }
  const owner = (uid: string) => [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'restored', uid }]

  test('L12: nobody but the controller makes one, as by bringing back a backup', async () => {
    const elsewhere = await makeNamespace(cluster)
    for (const [what, metadata, path = configMaps] of [
      ['without an owner', { name: NAME, labels: LABEL }],
      ['with the owner that it had', { name: NAME, labels: LABEL, ownerReferences: owner('of-a-time-before') }],
      ['into another namespace', { name: NAME, labels: LABEL }, `/api/v1/namespaces/${elsewhere}/configmaps`],
      ['without its label', { name: NAME }],
      ['of a lock that is shared', { name: 'lock.db.migrate-io', labels: { 'migrate.io/record': 'lock' } }],
      ['under another name', { name: 'other', labels: LABEL }],
    ] as const)
      assertDenied(await admin.post(path, { metadata, data: BACKUP }), POLICY, what)
    const denied = assertDenied(await editor.post(configMaps, { metadata: { name: NAME }, data: {} }), POLICY, 'empty')
    assert.match(denied, /copy, as from a backup.*the controller creates another/)
  })

  test('L12: nobody but it adds a success, as an older content does; all else about it is as ever', async () => {
    const made = assertDone(
      await controller.post(configMaps, { metadata: { name: NAME, labels: LABEL }, data: BACKUP }),
      'by the controller',
    )
    const path = `${configMaps}/${NAME}`
    const data = (values: Record<string, string | null>) => admin.patch(path, { data: values })
    assertDone(await data({ 'completed.5d8f9': null }), 'taken out, to have it run again')
    assertDenied(await data({ 'completed.5d8f9': BACKUP['completed.5d8f9'] }), POLICY, 'brought back')
    const { metadata } = made
    const { resourceVersion: _, ...older } = metadata as Record<string, unknown>
    assertDenied(await admin.put(path, { metadata: older, data: BACKUP }), POLICY, 'replaced by its older content')
    const binaryData = { 'completed.5d8f9': Buffer.from('{}').toString('base64') }
    assertDenied(await admin.patch(path, { binaryData }), POLICY, 'as bytes')
    assertDone(await data({ holder: 'junk', note: 'by hand' }), 'what the controller finds out by itself')
    assertDone(await admin.patch(path, { metadata: { ownerReferences: null, finalizers: ['a.b/c'] } }), 'its owner')
    assertDone(await admin.delete(path), 'deleted')
    assertDone(await admin.patch(path, { metadata: { finalizers: null } }), 'its finalizer goes')
  })

  test('everybody else’s ConfigMaps are as ever, however large', async () => {
    const data = Object.fromEntries(Array.from({ length: 10_000 }, (_, nth) => [`completed.${nth}`, 'x']))
    const path = `${configMaps}/theirs-too`
    assertDone(await editor.post(configMaps, { metadata: { name: 'theirs-too' }, data }), 'made')
    assertDone(await editor.patch(path, { data: { 'completed.more': 'x' } }), 'changed')
  })

  test('L12: a record with as many entries as fit costs a policy no more than it may', async () => {
    const data = Object.fromEntries(Array.from({ length: 10_000 }, (_, nth) => [`completed.${nth}`, 'x']))
    const name = 'deployment.large.migrate-io'
    assertDone(await controller.post(configMaps, { metadata: { name, labels: LABEL }, data }), 'made')
    assertDone(await admin.patch(`${configMaps}/${name}`, { data: { 'completed.1': null } }), 'taken out')
    assertDenied(await admin.patch(`${configMaps}/${name}`, { data: { 'completed.1': 'y' } }), POLICY, 'brought back')
  })
})

describe('what the controller writes to a pod', () => {
  const POLICY = 'migrate-io-controller-pods'
  const MARKS = {
    'migrate.io/autoscaler-marks': 'cluster-autoscaler.kubernetes.io/safe-to-evict,karpenter.sh/do-not-disrupt',
    'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
    'karpenter.sh/do-not-disrupt': 'true',
  }

  test('L14: the grant, the nudge and the marks for the autoscalers are let through, on and off', async () => {
    for (const name of [await makePod(), await makePod({ annotations: { theirs: 'yes' } })]) {
      const path = `${pods}/${name}/status`
      assertDone(await controller.patch(path, annotations({ [GRANT]: 'run 1', ...MARKS })), 'grant and marks')
      assertDone(await controller.patch(path, annotations({ 'migrate.io/nudge': 'run 1' })), 'nudge')
      const off = Object.fromEntries(Object.keys(MARKS).map((key) => [key, null]))
      assertDone(await controller.patch(path, annotations({ [GRANT]: 'skip', ...off })), 'marks off')
    }
  })

  for (const [what, change] of Object.entries({
    'a label': { metadata: { labels: { app: 'other' } } },
    'a label off': { metadata: { labels: { app: null } } },
    'a finalizer': { metadata: { finalizers: ['example.com/held'] } },
    'an owner': { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' }] } },
    'the phase': { status: { phase: 'Succeeded' } },
    'a condition': { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    'an annotation of others': annotations({ foreign: 'a' }),
    'another value of one': annotations({ theirs: 'no' }),
    'one taken off': annotations({ theirs: null }),
    'one beside a grant': annotations({ [GRANT]: 'run 1', foreign: 'a' }),
  }))
    test(`S1: not ${what}`, async () => {
      const name = await makePod({ annotations: { theirs: 'yes' }, labels: { app: 'shop' } })
      const before = assertDone(await admin.patch(`${pods}/${name}`, {}), 'the pod')
      const answer = await controller.patch(`${pods}/${name}/status`, change)
      // Labels, finalizers and owners can't come by the status since Kubernetes drops them; whichever it is, they stay.
      if (answer.status !== 200) assertDenied(answer, POLICY, what)
      const now = assertDone(await admin.patch(`${pods}/${name}`, {}), 'the pod')
      const { metadata, spec, status } = now
      assert.deepEqual(
        { metadata, spec, status },
        { metadata: before.metadata, spec: before['spec'], status: before['status'] },
      )
    })

  test('S1: a pod with as many annotations as fit costs a policy no more than it may', async () => {
    const name = await makePod({ annotations: manyAnnotations(10_000) })
    const path = `${pods}/${name}/status`
    assertDone(await controller.patch(path, annotations({ [GRANT]: 'run 1' })), 'the grant')
    assertDenied(await controller.patch(path, annotations({ foreign: 'a' })), POLICY, 'an annotation of others')
  })

  test('S1: RBAC lets it write to pods by nothing but their status', async () => {
    const name = await makePod()
    const refused = [
      await controller.patch(`${pods}/${name}`, annotations({ [GRANT]: 'run 1' })),
      await controller.put(`${pods}/${name}/status`, podManifest({ name, generateName: undefined })),
      await controller.post(pods, podManifest()),
      await controller.post(`${pods}/${name}/eviction`, { metadata: { name } }),
    ]
    for (const { status, body } of refused) {
      assert.equal(status, 403)
      assert.match(body.message ?? '', /cannot \w+ resource/)
    }
  })
})

describe('what else the controller writes', () => {
  const POLICY = 'migrate-io-controller-objects'
  const own = '/api/v1/namespaces/migrate-io'
  const leases = '/apis/coordination.k8s.io/v1/namespaces/migrate-io/leases'

  test('S1: only ConfigMaps that bear our names, and it deletes none', async () => {
    for (const name of [
      'deployment.shop.migrate-io',
      'lock.db.migrate-io',
      `deployment.${'a.b-'.repeat(40)}9.migrate-io`,
    ]) {
      const made = assertDone(await controller.post(configMaps, { metadata: { name } }), name)
      assertDone(await controller.put(`${configMaps}/${name}`, { ...made, data: { number: '1' } }), name)
      assertDenied(await controller.delete(`${configMaps}/${name}`), POLICY, `deleted: ${name}`)
    }
    for (const name of ['shop', 'deployment.migrate-io', 'my-lock.db.migrate-io', 'lock.db.migrate-io.x'])
      assertDenied(await controller.post(configMaps, { metadata: { name } }), POLICY, name)
    assertDenied(
      await controller.post(configMaps, { metadata: { generateName: 'lock.db' } }),
      POLICY,
      'a generated name',
    )
    const theirs = assertDone(
      await editor.post(configMaps, { metadata: { name: 'theirs' }, data: { a: '1' } }),
      'theirs',
    )
    assertDenied(
      await controller.put(`${configMaps}/theirs`, { ...theirs, data: { a: '2' } }),
      POLICY,
      'somebody else’s',
    )
  })

  test('S1: only our Secret and our Lease', async () => {
    assertDenied(await controller.post(`${own}/secrets`, { metadata: { name: 'other' } }), POLICY, 'a Secret')
    assertDenied(await controller.post(leases, { metadata: { name: 'other' } }), POLICY, 'a Lease')
    const secret = assertDone(
      await controller.post(`${own}/secrets`, { metadata: { name: 'migrate-io-webhook-tls' } }),
      'ours',
    )
    assertDone(
      await controller.put(`${own}/secrets/migrate-io-webhook-tls`, { ...secret, stringData: { a: 'b' } }),
      'ours',
    )
    assertDone(await controller.post(leases, { metadata: { name: 'migrate-io-controller' }, spec: {} }), 'our Lease')
    const elsewhere = await controller.post(`/api/v1/namespaces/${served}/secrets`, {
      metadata: { name: 'migrate-io-webhook-tls' },
    })
    assert.match(elsewhere.body.message ?? '', /cannot create resource "secrets"/)
  })

  test('everybody else writes what they like', async () => {
    assertDone(await editor.post(configMaps, { metadata: { name: 'shop' } }), 'a ConfigMap')
    assertDone(await editor.post(`/api/v1/namespaces/${served}/secrets`, { metadata: { name: 'shop' } }), 'a Secret')
  })
})
