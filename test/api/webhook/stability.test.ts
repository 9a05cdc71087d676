import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { type AnotherVersion, makeAnotherVersion, OTHER_LINE } from '../../support/installation/another-version.ts'
import { ARTICLE_STRATEGY, annotate, app, flask } from '../../support/installation/deployment.ts'
import { Followed, type Places } from '../../support/installation/followed.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected } from '../../support/installation/ours.ts'
import { makePlace, makePlaceAlone, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()
const OWN_STRATEGY = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } }

describe('an update that leaves the user’s part alone changes nothing', () => {
  let installation: Installation
  let later: AnotherVersion
  let places: Places
  before(async () => {
    later = makeAnotherVersion({ isReleased: true })
    installation = await installWebhook(cluster, { scope: scopeOf('stability') })
    places = { served: await makePlace(cluster, installation), alone: await makePlaceAlone(cluster) }
  })
  after(async () => {
    await installation.stop()
    later[Symbol.dispose]()
  })

  const plain = new Followed(flask('plain'))
  const ownNumbers = new Followed(
    flask('own-numbers', (manifest) => {
      manifest.spec.strategy = OWN_STRATEGY
      manifest.spec.progressDeadlineSeconds = 300
      annotate(manifest, { strategy: 'rolling', timeout: '2h' })
    }),
  )
  const partly = new Followed(
    flask('partly-own', (manifest) => {
      manifest.spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } }
      annotate(manifest, { strategy: 'rolling' })
    }),
  )
  const rich = new Followed(
    flask('rich', ({ spec: { template } }) => {
      template.metadata.annotations = { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'cache' }
      template.spec.initContainers = [{ name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' }]
      template.spec.volumes = [{ name: 'cache', emptyDir: {} }]
      Object.assign(template.spec.containers[0] ?? {}, {
        env: [{ name: 'DATABASE', value: 'db' }],
        volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
        resources: { requests: { cpu: '1.5', memory: '1024Mi' } }, // stored as the user wrote it
      })
    }),
  )
  const clientSide = [plain, ownNumbers, partly, rich]
  for (const each of clientSide) {
    test(`A4: ${each.name}: apply twice, replace, annotate, label and scale`, async () => {
      await each.createdBy(places, apply)
      await each.unchangedBy(places, 'apply again', apply)
      await each.unchangedBy(places, "kubectl's own verbs", ownVerbs)
      await each.movesLikeTwin(places, 'scale', (place) =>
        place.kubectl(['scale', `deployment/${each.name}`, '--replicas=1']),
      )
      await each.unchangedBy(places, 'annotating at another scale', (place) =>
        place.kubectl(['annotate', `deployment/${each.name}`, 'note=scaled', '--overwrite']),
      )
      await each.movesLikeTwin(places, 'apply back to 3', apply)
    })
  }

  const server = new Followed(flask('server-side'))
  const serverRolling = new Followed(
    flask('server-side-rolling', (manifest) => {
      manifest.spec.strategy = OWN_STRATEGY
      annotate(manifest, { strategy: 'rolling' })
    }),
  )
  const serverRecreate = new Followed(
    flask('server-side-recreate', (manifest) => {
      manifest.spec.strategy = { type: 'Recreate' }
      annotate(manifest, { strategy: 'rolling' })
    }),
  )
  const serverSide = [server, serverRolling, serverRecreate]
  for (const each of serverSide) {
    test(`A4: ${each.name}: server-side apply twice and by a second manager, without a conflict`, async () => {
      await each.createdBy(places, applyByCi)
      await each.unchangedBy(places, 'apply again', applyByCi)
      const stored = await each.movesLikeTwin(places, 'a second manager', applyByPlatform)
      assert.deepEqual(app(stored).env, [{ name: 'ADDED', value: '1' }])
      assert.deepEqual(stored.spec.strategy, ARTICLE_STRATEGY)
      await each.unchangedBy(places, 'apply again by both', applyByBoth)
      await each.unchangedBy(places, 'annotate and label', async (place) => {
        await place.kubectl(['annotate', `deployment/${each.name}`, 'note=a'])
        await place.kubectl(['label', `deployment/${each.name}`, 'note=a'])
      })
      await each.unchangedBy(places, 'apply again by both after that', applyByBoth)
    })
  }

  test('A4: no field manager owns what was injected, so none can get into a conflict over it', async () => {
    const { stdout } = await places.served.kubectl(['get', 'deployments', '-o', 'json', '--show-managed-fields'])
    const { items } = JSON.parse(stdout) as { items: { metadata: { managedFields: object[] } }[] }
    assert.equal(items.length, clientSide.length + serverSide.length)
    for (const { metadata } of items) assert.doesNotMatch(JSON.stringify(metadata.managedFields), /"name\W+migrate-io/)
  })

  test('A4: a second webhook version with another wrapper changes nothing either', async () => {
    await installation.useVersion(later.root)
    for (const each of clientSide) await each.unchangedBy(places, 'the second version', ownVerbs)
    for (const each of serverSide) await each.unchangedBy(places, 'the second version', applyByBoth)
    // A new image brings the new wrapper, which shows that the second version is the one that answers.
    const updated = await plain.movesLikeTwin(places, 'set image', (place) =>
      place.kubectl(['set', 'image', 'deployment/plain', 'flask=flask:2']),
    )
    assert.ok(assertInjected(updated).command?.[2]?.startsWith(OTHER_LINE))
  })
})

function apply(place: Place, { manifest }: Followed): Promise<unknown> {
  return place.send('apply', manifest)
}

async function ownVerbs(place: Place, { name, manifest }: Followed): Promise<void> {
  await place.replace(manifest)
  await place.kubectl(['annotate', `deployment/${name}`, 'note=first', 'migrate.io/retries=3', '--overwrite'])
  await place.kubectl(['label', `deployment/${name}`, 'tier=web', '--overwrite'])
  await place.send('apply', manifest)
  await place.kubectl(['annotate', `deployment/${name}`, 'note-', 'migrate.io/retries-'])
}

function applyByCi(place: Place, { manifest }: Followed): Promise<unknown> {
  return place.send('apply --server-side --field-manager=ci', manifest)
}

function applyByPlatform(place: Place, { name }: Followed): Promise<unknown> {
  return place.send('apply --server-side --field-manager=platform', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { team: 'shop' } },
    spec: { template: { spec: { containers: [{ name: 'flask', env: [{ name: 'ADDED', value: '1' }] }] } } },
  })
}

async function applyByBoth(place: Place, followed: Followed): Promise<void> {
  await applyByCi(place, followed)
  await applyByPlatform(place, followed)
}
