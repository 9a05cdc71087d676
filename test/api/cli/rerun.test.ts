import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { connectCluster } from '../../../src/cli/on-cluster.ts'
import { removeObject, restartDeployment } from '../../../src/kube/calls.ts'
import { startMigrateIo } from '../../support/cli/run-cli.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { flask } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, scopeOf } from '../../support/installation/place.ts'
import { makeLimitedUser } from '../../support/lock/limited-user.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()

describe('migrate-io rerun where admission is asked', () => {
  let installation: Installation
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('rerun') })
  })
  after(() => installation.stop())

  test('says that admission took the migration off, where the namespace has opted out and may not be read', async () => {
    const place = await makePlace(cluster, installation)
    for (const name of ['seen', 'web']) await place.create(flask(name))
    for (const name of ['seen', 'web']) await place.replicaSets(name)
    const user = await makeLimitedUser(cluster, `rerun-${place.name}`)
    const run = (name: string, kubeconfig: string) =>
      startMigrateIo(['rerun', name, '--yes', '--kubeconfig', kubeconfig, '-n', place.name])
    await user.allow([
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list'] },
      { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['get', 'list'] },
      { apiGroups: ['apps'], resources: ['deployments'], verbs: ['patch'] },
    ])
    await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection-'])
    await installation.untilOptedIn(place.name, false)

    const seen = await run('seen', cluster.kubeconfig)
    assert.equal(seen.code, 1)
    assert.match(seen.stderr, /a rollout would remove the migration, since namespace \S+ has not opted in/)
    assertInjected(await place.deployment('seen'))

    const { code, stdout, stderr } = await until('the role counts', () => run('web', user.kubeconfig), {
      limitMs: LIMIT_MS,
      accept: (result) => !result.stderr.includes('this needs verb'),
    })
    assert.deepEqual([code, stdout], [1, ''], stderr)
    assert.match(stderr, /was restarted, but admission removed the migration/)
    assertBare(await place.deployment('web'))
  })

  test('a Deployment that was written since it was seen is not restarted, nor a pod deleted', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('web'))
    const { metadata: pod } = await place.pod('web')
    await place.replicaSets('web')
    using connection = await connectCluster({ kubeconfig: cluster.kubeconfig })
    const { api, transport } = connection
    const seen = await api.read('Deployment', place.name, 'web')
    const seenPod = await api.read('Pod', place.name, pod.name)
    assert.ok(seen && seenPod)
    await place.kubectl(['annotate', 'deployment/web', `pod/${pod.name}`, 'note=a'])
    await assert.rejects(restartDeployment(transport, seen.metadata, new Date()), { code: 'conflict' })
    const { uid, resourceVersion } = seenPod.metadata
    const preconditions = { uid, resourceVersion }
    for (const gracePeriodSeconds of [0, 30])
      assert.equal(await removeObject(transport, 'Pod', seenPod.metadata, { preconditions, gracePeriodSeconds }), false)
    assert.equal((await api.read('Pod', place.name, pod.name))?.metadata.deletionTimestamp, undefined)
  })
})
