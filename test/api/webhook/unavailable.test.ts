import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { annotate, flask, type Manifest, withoutAnnotations } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, type Place, scopeOf } from '../../support/installation/place.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const CASCADES = ['foreground', 'background', 'orphan'] as const
/** Of somebody else's, taken off by an update of the object that is being deleted. */
const FINALIZER = 'e2e.migrate.io/held'

describe('deletion and the webhook being away', () => {
  let installation: Installation
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('unavailable') })
  })
  after(() => installation.stop())

  test('A11: with a bad stored annotation every way to delete ends', async () => {
    const [objects, whole] = await Promise.all([badPlace(), badPlace()])
    await allDeletionsEnd(objects, whole)
  })

  describe('with the process gone', () => {
    let good: Place
    let deleted: { objects: Place; whole: Place }[]
    before(async () => {
      good = await makePlace(cluster, installation)
      await good.create(flask('stays'))
      await good.create(flask('others', withoutAnnotations))
      const prepared = await Promise.all([goodPlace(), goodPlace(), badPlace(), badPlace()])
      deleted = [
        { objects: prepared[0], whole: prepared[1] },
        { objects: prepared[2], whole: prepared[3] },
      ]
      await installation.webhook.stop()
    })

    test('A11: every way to delete ends, also with a bad stored annotation', async () => {
      await Promise.all(deleted.map(({ objects, whole }) => allDeletionsEnd(objects, whole)))
    })

    test('A11: Deployments without our annotations are created, updated and rolled out', async () => {
      await good.send('apply', flask('new', withoutAnnotations))
      await good.kubectl(['set', 'image', 'deployment/new', 'deployment/others', 'flask=flask:2'])
      assert.equal((await good.replicaSets('new')).length, 2)
      assert.equal((await good.replicaSets('others')).length, 2)
      await good.kubectl(['rollout', 'undo', 'deployment/new'])
    })

    test('A11: outside of opted-in namespaces annotated ones are stored too', async () => {
      const outside = await makePlace(cluster, installation, { optedIn: false })
      await outside.send('apply', flask('annotated'))
      await outside.kubectl(['set', 'image', 'deployment/annotated', 'flask=flask:2'])
      // Holding what was injected: the second webhook, which is away as well, would take it off.
      await outside.send('create', injectedByHand())
    })

    test('A11: annotated ones are refused with a message that names our webhook; scaling goes on', async () => {
      for (const refused of [
        () => good.send('create', flask('refused'), { allowFailure: true }),
        () => good.kubectl(['set', 'image', 'deployment/stays', 'flask=flask:2'], { allowFailure: true }),
        () => good.kubectl(['annotate', 'deployment/others', 'migrate.io/command=x'], { allowFailure: true }),
        () => good.kubectl(['annotate', 'deployment/stays', 'migrate.io/command-'], { allowFailure: true }),
      ]) {
        const { code, stderr } = await refused()
        assert.equal(code, 1)
        assert.match(stderr, new RegExp(`failed calling webhook "${installation.names.inject}"`))
      }
      await good.kubectl(['scale', 'deployment/stays', '--replicas=1'])
      await good.replicaSets('stays')
    })

    test('A11: with the process back all is as before', async () => {
      await installation.restart()
      await good.kubectl(['set', 'image', 'deployment/stays', 'flask=flask:2'])
      assert.equal(assertInjected(await good.deployment('stays')).image, 'flask:2')
    })
  })

  async function goodPlace(): Promise<Place> {
    const place = await makePlace(cluster, installation)
    for (const manifest of manifests(() => {})) assert.equal((await place.create(manifest)).status, 201)
    return place
  }

  /** With Deployments that would be refused, created before the namespace opted in. */
  async function badPlace(): Promise<Place> {
    const place = await makePlace(cluster, installation, { optedIn: false })
    const spoil = (manifest: Manifest) => annotate(manifest, { timeout: 'soon', comand: 'x', container: 'none' })
    for (const manifest of manifests(spoil)) assert.equal((await place.create(manifest)).status, 201)
    await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection=enabled'])
    await installation.untilOptedIn(place.name)
    return place
  }
})

function manifests(change: (manifest: Manifest) => void): Manifest[] {
  const held = flask('held', (manifest) => {
    change(manifest)
    Object.assign(manifest.metadata, { finalizers: [FINALIZER] })
  })
  return [...CASCADES.map((cascade) => flask(cascade, change)), held]
}

/** One Deployment in each way, one that a finalizer holds, and one namespace with all of these. */
async function allDeletionsEnd(objects: Place, whole: Place): Promise<void> {
  for (const cascade of CASCADES) await objects.replicaSets(cascade)
  await cluster.kubectl(['delete', 'namespace', whole.name, '--wait=false'])
  for (const cascade of CASCADES) {
    await objects.kubectl(['delete', 'deployment', cascade, `--cascade=${cascade}`, '--wait=false'])
  }
  await objects.kubectl(['delete', 'deployment', 'held', '--wait=false'])
  await release(objects)
  for (const name of [...CASCADES, 'held']) {
    const path = `/apis/apps/v1/namespaces/${objects.name}/deployments/${name}`
    await until(`${name} is gone`, () => cluster.get(path), {
      limitMs: LIMIT_MS,
      accept: ({ status }) => status === 404,
    })
  }
  const { stdout } = await objects.kubectl(['get', 'replicasets', '-o', 'name'])
  assert.match(stdout, /\/orphan-/, 'the orphan’s ReplicaSet stays')
  await until('the namespace is being deleted', () => whole.deployment('held'), {
    limitMs: LIMIT_MS,
    accept: ({ metadata }) => 'deletionTimestamp' in metadata,
  })
  await release(whole)
  await until('the namespace is gone', () => cluster.get(`/api/v1/namespaces/${whole.name}`), {
    limitMs: LIMIT_MS,
    accept: ({ status }) => status === 404,
  })
}

async function release(place: Place): Promise<void> {
  const { status } = await place.patch('held', { metadata: { finalizers: null } })
  assert.equal(status, 200)
}

/** Just enough to be taken for ours by the second webhook. */
function injectedByHand(): Manifest {
  return flask('leftover', (manifest) => {
    withoutAnnotations(manifest)
    const { metadata, spec } = manifest.spec.template
    metadata.labels = { ...metadata.labels, 'migrate.io/protocol': '1' }
    spec.volumes = [{ name: 'migrate-io', emptyDir: {} }]
    spec.initContainers = [{ name: 'migrate-io', image: 'flask:1' }]
  })
}
