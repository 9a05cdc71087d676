import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { app, type Container, type Deployment, flask, type Manifest } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected, oursIn, templateOf } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, type Place, scopeOf } from '../../support/installation/place.ts'
import { MOUNT, type SecondWebhook, startSecondWebhook, VARIABLE } from '../../support/installation/second-webhook.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const DRY_RUN = '?dryRun=All'
const OURS = ['migrate-io', 'migrate-io-state']

/** An app on production's database, by a Secret, a variable and a mounted file; as root, with limits. */
const production = (name: string) =>
  flask(name, ({ spec: { template } }) => {
    template.spec.volumes = [{ name: 'settings', configMap: { name: 'shop-settings' } }]
    Object.assign(app({ spec: { template } }), {
      envFrom: [{ secretRef: { name: 'production-db' } }],
      env: [{ name: 'DIRECT_URL', value: 'postgres://prod-direct/app' }],
      resources: { limits: { memory: '512Mi', cpu: '1' } },
      securityContext: { runAsUser: 0 },
      volumeMounts: [{ name: 'settings', mountPath: '/etc/shop' }],
    })
  })

/** What `kubectl get -o yaml` gave, edited for staging in the app's container, under another name or the same. */
function stagingOf(stored: Deployment, name = stored.metadata.name): Manifest {
  const { annotations = {} } = stored.metadata
  const manifest = { ...flask(name), spec: structuredClone(stored.spec) } as Manifest
  manifest.metadata.annotations = { ...annotations }
  const { spec } = manifest.spec.template
  const [container] = spec.containers
  assert.ok(container)
  const { env: _, securityContext: __, ...rest } = container
  spec.containers = [
    {
      ...rest,
      envFrom: [{ secretRef: { name: 'staging-db' } }],
      resources: { limits: { memory: '1Gi' } },
      volumeMounts: (container.volumeMounts ?? []).filter(({ name }) => name !== 'settings'),
    },
  ]
  spec.volumes = (spec.volumes ?? []).filter((volume) => volume.name !== 'settings')
  return manifest
}

function assertStaging(ours: Container): void {
  assert.deepEqual(ours['envFrom'], [{ secretRef: { name: 'staging-db' } }])
  assert.deepEqual(ours.resources, { limits: { memory: '1Gi' } })
  assert.equal(ours.securityContext, undefined)
  assert.doesNotMatch(JSON.stringify([ours.env, ours.volumeMounts]), /DIRECT_URL|settings/)
}

const mountsOf = (ours: Container) => (ours.volumeMounts ?? []).map(({ name }) => name)

describe('an injected manifest that was edited since', () => {
  let installation: Installation
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('edited') })
  })
  after(() => installation.stop())

  describe('with no other webhook', () => {
    let place: Place
    let stored: Deployment
    before(async () => {
      place = await makePlace(cluster, installation)
      await place.send('create', production('shop'))
      stored = await place.deployment('shop')
    })

    test('A14: created as a copy under another name: what the app has now, and nothing else of production', async () => {
      await place.send('create', stagingOf(stored, 'shop-staging'))
      const copy = await place.deployment('shop-staging')
      const ours = assertInjected(copy)
      assertStaging(ours)
      assert.deepEqual(mountsOf(ours), OURS)
      const volumes = JSON.stringify(copy.spec.template.spec.volumes)
      assert.match(volumes, /"deployment\.shop-staging\.migrate-io"/)
      assert.doesNotMatch(volumes, /"deployment\.shop\.migrate-io"/)
      // The next update finds nothing to do.
      const { generation } = copy.metadata
      await place.kubectl(['label', 'deployment/shop-staging', 'a=b'])
      assert.equal((await place.deployment('shop-staging')).metadata.generation, generation)
    })

    test('A14: created again under its own name, and put in place of the stored one: the same', async () => {
      const elsewhere = await makePlace(cluster, installation)
      const created = await elsewhere.create(stagingOf(stored))
      assert.equal(created.status, 201, JSON.stringify(created.body))
      assertStaging(assertInjected(created.body))
      await place.replace(stagingOf(stored))
      const replaced = await place.deployment('shop')
      assertStaging(assertInjected(replaced))
      assert.deepEqual(templateOf(replaced), templateOf(created.body))
    })

    test('A14: injected by a version that recorded nothing by key: the same', async () => {
      const { version, container } = JSON.parse(stored.metadata.annotations?.['migrate.io/injected'] ?? '')
      const old = stagingOf(stored, 'old-staging')
      old.metadata.annotations = {
        ...old.metadata.annotations,
        'migrate.io/injected': JSON.stringify({ version, container, strategy: null }),
      }
      const { status, body } = await place.create(old, DRY_RUN)
      assert.equal(status, 201, JSON.stringify(body))
      assertStaging(assertInjected(body))
    })
  })

  // As Flagger does it: the copy reads Secrets of its own, which are named in its containers and not in its init containers.
  test('A14: a tool that copies each new template into a Deployment of another name: it reads its own Secret', async () => {
    const place = await makePlace(cluster, installation)
    await place.send('create', production('canary'))
    const canary = await place.deployment('canary')
    const promoted = ({ spec }: Deployment) => {
      const template = structuredClone(templateOf({ spec }))
      app({ spec: { template } })['envFrom'] = [{ secretRef: { name: 'production-db-primary' } }]
      template.metadata.labels = { ...template.metadata.labels, app: 'canary-primary' }
      return template
    }
    const manifest = flask('canary-primary')
    await place.send('create', {
      ...manifest,
      metadata: { ...manifest.metadata, annotations: canary.metadata.annotations },
      spec: { ...manifest.spec, template: promoted(canary) },
    })
    const assertPrimary = (primary: Deployment) => {
      assert.deepEqual(assertInjected(primary)['envFrom'], [{ secretRef: { name: 'production-db-primary' } }])
      assert.match(JSON.stringify(primary.spec.template.spec.volumes), /"deployment\.canary-primary\.migrate-io"/)
    }
    assertPrimary(await place.deployment('canary-primary'))
    for (const [image, annotations] of [
      ['flask:2', undefined],
      ['flask:3', 'the canary’s'],
    ] as const) {
      await place.kubectl(['set', 'image', 'deployment/canary', `flask=${image}`])
      const next = await place.deployment('canary')
      const change = { spec: { template: promoted(next) } }
      const metadata = annotations && { metadata: { annotations: next.metadata.annotations } }
      const { status, body } = await place.patch('canary-primary', { ...change, ...metadata })
      assert.equal(status, 200, JSON.stringify(body))
      const primary = await place.deployment('canary-primary')
      assertPrimary(primary)
      assert.equal(app(primary).image, image)
    }
  })

  // How often the API server asks in one admission, migrate.io and the second one, depends on who finds something to change.
  const orders = [
    { order: 'before migrate.io', addsTo: 'all containers', asked: [1, 2] }, // copied with the app's: nothing to add
    { order: 'before migrate.io', addsTo: 'init containers', asked: [2, 2] },
    { order: 'after migrate.io', addsTo: 'all containers', asked: [2, 2] }, // its addition to the app is recorded
    { order: 'after migrate.io', addsTo: 'init containers', asked: [2, 1] },
  ] as const
  for (const each of orders)
    describe(`a second webhook ${each.order}, which adds to ${each.addsTo}`, () => withSecondWebhook(each))

  function withSecondWebhook({ order, addsTo, asked }: (typeof orders)[number]): void {
    let place: Place
    let second: SecondWebhook
    let stored: Deployment
    before(async () => {
      const name = scopeOf('second')
      const labels = { 'e2e.migrate.io/second': name }
      second = await startSecondWebhook(cluster, { name, labels, order, addsTo })
      place = await makePlace(cluster, installation, { labels })
      await place.send('create', production('shop'))
      stored = await place.deployment('shop')
    })
    after(() => second[Symbol.asyncDispose]())

    /** Once each, and the app's container as the second webhook leaves it. */
    const assertAdditions = ({ spec }: Deployment) => {
      const ours = oursIn(spec.template)
      assert.deepEqual(
        ours.env?.filter((variable) => variable.name === VARIABLE.name),
        [VARIABLE],
      )
      assert.deepEqual(
        ours.volumeMounts?.filter((mount) => mount.name === MOUNT.name),
        [MOUNT],
      )
      const isInApp = app({ spec }).env?.some((variable) => variable.name === VARIABLE.name) ?? false
      assert.equal(isInApp, addsTo === 'all containers')
      return ours
    }

    test('A14: what it adds between two calls of one admission stays', async () => {
      const { status, body } = await place.create(production('twice'), DRY_RUN)
      assert.equal(status, 201, JSON.stringify(body))
      // By its log: others in the cluster may be asked about at the same time.
      const decisions = async () => {
        const lines = (await installation.webhook.logs()).filter((line) => line.includes('"deployment":"twice"'))
        return lines.filter((line) => line.includes(`"namespace":"${place.name}"`)).length
      }
      await until('the log has all decisions', decisions, { limitMs: LIMIT_MS, accept: (seen) => seen >= asked[0] })
      assert.deepEqual([await decisions(), second.calls('twice')], asked)
      const ours = assertAdditions(body)
      assert.deepEqual(ours['envFrom'], [{ secretRef: { name: 'production-db' } }])
      assertAdditions(stored)
    })

    test('A14: an edited copy under another name: production’s parts go, what it added stays', async () => {
      const { status, body } = await place.create(stagingOf(stored, 'shop-staging'))
      assert.equal(status, 201, JSON.stringify(body))
      assertStaging(assertAdditions(body))
    })

    test('A14: an update: what the user took away goes, what it added stays, and nothing changes after that', async () => {
      await place.replace(stagingOf(stored))
      const replaced = await place.deployment('shop')
      assertStaging(assertAdditions(replaced))
      await place.kubectl(['annotate', 'deployment/shop', 'note=a'])
      assert.deepEqual(templateOf(await place.deployment('shop')), templateOf(replaced))
    })

    test('A14: what the user takes away and it adds again to the init container between two calls stays', async () => {
      await place.send('create', production('own'))
      // The user's own variable of that name was copied …
      await place.kubectl(['set', 'env', 'deployment/own', `${VARIABLE.name}=mine`, '--containers=flask'])
      const own = await place.deployment('own')
      assert.equal(oursIn(own.spec.template).env?.find(({ name }) => name === VARIABLE.name)?.value, 'mine')
      // … and goes; then the second webhook adds its own.
      await place.kubectl(['set', 'env', 'deployment/own', `${VARIABLE.name}-`, '--containers=flask'])
      assertAdditions(await place.deployment('own'))
    })
  }
})
