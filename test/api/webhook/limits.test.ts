import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { app, flask, type PodSpec } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected, oursIn } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, type Place, scopeOf } from '../../support/installation/place.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const MIB = 1024 * 1024

describe('what is rare', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('limits') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  test('A11: --dry-run=server shows the injection, counts as one, and stores nothing', async () => {
    const { stdout } = await place.send('apply --dry-run=server -o json', flask('dry'))
    assertInjected(JSON.parse(stdout))
    const { stderr } = await place.kubectl(['get', 'deployment', 'dry'], { allowFailure: true })
    assert.match(stderr, /NotFound/)
    const isLogged = (line: string) => /"deployment":"dry"/.test(line) && /"dryRun":true/.test(line)
    await until('the log says so', async () => (await installation.webhook.logs()).some(isLogged), {
      limitMs: LIMIT_MS,
    })
  })

  test('A11: generateName: injected without the record, which comes with the next revision', async () => {
    const manifest = flask('made-up', ({ metadata }) => {
      delete metadata.name
      metadata.generateName = 'made-up-'
    })
    const { stdout } = await place.send('create -o json', manifest)
    const { metadata, spec } = JSON.parse(stdout)
    assert.match(metadata.name, /^made-up-\w+$/)
    assertInjected({ metadata, spec, status: {} })
    assert.deepEqual(sources(spec.template.spec.volumes), ['downwardAPI'])
    await place.kubectl(['annotate', `deployment/${metadata.name}`, 'note=a'])
    const noted = await place.deployment(metadata.name)
    assert.deepEqual(noted.spec, spec, 'no rollout for a record')
    await place.kubectl(['set', 'image', `deployment/${metadata.name}`, 'flask=flask:2'])
    const updated = await place.deployment(metadata.name)
    assert.deepEqual(sources(updated.spec.template.spec.volumes), ['configMap', 'downwardAPI'])
    assert.equal((await place.replicaSets(metadata.name)).length, 2)
  })

  test('A11: names of 253 characters: injected, and Kubernetes makes their ReplicaSets and pods', async () => {
    const names = [`${'long.'.repeat(50)}xyz`, 'l'.repeat(253)]
    const mounted: string[] = []
    for (const [i, name] of names.entries()) {
      const manifest = flask(`long-${i}`) // labels are shorter
      manifest.metadata.name = name
      const { status, body } = await place.create(manifest)
      assert.equal(status, 201, JSON.stringify(body).slice(0, 1_000))
      assertInjected(body)
      const text = JSON.stringify(body.spec.template.spec.volumes)
      const configMap = /"configMap":\{"name":"([^"]+)"/.exec(text)?.[1] ?? ''
      assert.match(configMap, /^deployment\.l.*-[0-9a-f]{10}\.migrate-io$/)
      // An object can bear that name. Where the policies are installed, a ConfigMap of that name is the controller's alone.
      await place.kubectl(['create', 'secret', 'generic', configMap])
      mounted.push(configMap)
      oursIn(await place.pod(name))
      await place.kubectl(['set', 'image', `deployment/${name}`, 'flask=flask:2'])
      assert.equal((await place.replicaSets(name)).length, 2)
    }
    assert.notEqual(mounted[0], mounted[1])
  })

  test('A11: an object of 1.4 MiB is injected, updated and stripped', async () => {
    const manifest = flask('large', ({ spec }) => {
      const [container] = spec.template.spec.containers
      if (container) container.args = Array.from({ length: 14 }, (_, i) => `é ${i}`.padEnd(MIB / 10, '-'))
    })
    const sent = await place.create(manifest)
    assert.equal(sent.status, 201, JSON.stringify(sent.body).slice(0, 500))
    assertInjected(sent.body)
    assert.deepEqual(app(sent.body).args, manifest.spec.template.spec.containers[0]?.args)
    const updated = await place.kubectl(['set', 'image', 'deployment/large', 'flask=flask:2'])
    assert.match(updated.stdout, /image updated/)
    assertInjected(await place.deployment('large'))
    const removed = await place.patch('large', { metadata: { annotations: { 'migrate.io/command': null } } })
    assert.equal(removed.status, 200)
    assert.equal(removed.body.spec.template.spec.initContainers, undefined)
    assert.deepEqual(app(removed.body).args, app(sent.body).args)
  })

  test('A11: other versions and parts of the API reach us as they should', async () => {
    await place.create(flask('parts'))
    const base = `/apis/apps/v1/namespaces/${place.name}/deployments/parts`
    const answers = await installation.webhook.admissions()
    const merge = { 'content-type': 'application/merge-patch+json' }
    const scale = await cluster.request('PATCH', `${base}/scale`, { spec: { replicas: 2 } }, merge)
    assert.equal(scale.status, 200)
    const status = await cluster.request(
      'PATCH',
      `${base}/status`,
      { metadata: { annotations: { note: 'by status' } } },
      merge,
    )
    assert.equal(status.status, 200)
    await place.replicaSets('parts')
    assert.equal(await installation.webhook.admissions(), answers, 'subresources do not reach us')
    await place.kubectl(['delete', 'deployment', 'parts'])
    assert.equal(await installation.webhook.admissions('error'), 0)
  })
})

function sources(volumes: PodSpec['volumes']): string[] {
  const ours = volumes?.find(({ name }) => name === 'migrate-io') as { projected?: { sources: object[] } } | undefined
  return (ours?.projected?.sources ?? []).flatMap((source) => Object.keys(source))
}
