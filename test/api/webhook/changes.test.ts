import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { type AnotherVersion, makeAnotherVersion, OTHER_LINE } from '../../support/installation/another-version.ts'
import {
  ARTICLE_STRATEGY,
  COMMAND,
  DEFAULT_STRATEGY,
  flask,
  type Manifest,
  type Template,
  withoutAnnotations,
} from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected, type oursIn, templateOf } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()
const RECREATE = { type: 'Recreate' }

describe('the user changes the template', () => {
  let installation: Installation
  let later: AnotherVersion
  let stranger: AnotherVersion
  let place: Place
  before(async () => {
    later = makeAnotherVersion({ isReleased: true })
    stranger = makeAnotherVersion({ isReleased: false })
    installation = await installWebhook(cluster, { scope: scopeOf('changes') })
    place = await makePlace(cluster, installation)
  })
  after(async () => {
    await installation.stop()
    later[Symbol.dispose]()
    stranger[Symbol.dispose]()
  })

  test('A5: after set image, set env and set resources the init container equals the new app container', async () => {
    await place.send('apply', flask('set'))
    const steps: [string[], (ours: ReturnType<typeof oursIn>) => void][] = [
      [['image', 'deployment/set', 'flask=flask:2'], ({ image }) => assert.equal(image, 'flask:2')],
      [
        ['env', 'deployment/set', 'A=1', 'B=$(A)', '--containers=flask'],
        ({ env }) =>
          assert.deepEqual(env, [
            { name: 'A', value: '1' },
            { name: 'B', value: '$(A)' },
          ]),
      ],
      [
        ['env', 'deployment/set', 'A-', '--containers=flask'],
        ({ env }) => assert.deepEqual(env, [{ name: 'B', value: '$(A)' }]),
      ],
      [['env', 'deployment/set', 'B-'], ({ env }) => assert.equal(env, undefined)],
      [
        ['resources', 'deployment/set', '--limits=cpu=1,memory=64Mi', '--requests=cpu=10m'],
        ({ resources }) =>
          assert.deepEqual(resources, { limits: { cpu: '1', memory: '64Mi' }, requests: { cpu: '10m' } }),
      ],
      [
        ['resources', 'deployment/set', '--limits=cpu=0,memory=0', '--requests=cpu=0'],
        ({ resources }) => assert.ok(resources),
      ],
    ]
    for (const [args, check] of steps) {
      await place.kubectl(['set', ...args])
      check(assertInjected(await place.deployment('set')))
    }
    const sets = await place.replicaSets('set')
    assert.equal(sets.length, steps.length, 'without the variables it is the second revision again')
  })

  test('A5: undo to an injected revision gives that revision’s template, byte for byte, with one copy', async () => {
    await place.send('apply', flask('undone'))
    await place.kubectl(['set', 'image', 'deployment/undone', 'flask=flask:2'])
    const [first] = await place.replicaSets('undone')
    await place.kubectl(['rollout', 'undo', 'deployment/undone'])
    assert.equal(templateText(await place.deployment('undone')), templateText(first))
    assertInjected(await place.deployment('undone'))
    assert.equal((await place.replicaSets('undone')).length, 2, 'the old ReplicaSet is used again')
  })

  test('A5: undo to a bare revision gives none of ours, and the user’s strategy', async () => {
    for (const [name, strategy] of [
      ['bare-default', undefined],
      ['bare-recreate', RECREATE],
    ] as const) {
      const manifest = flask(name, (each) => {
        withoutAnnotations(each)
        if (strategy) each.spec.strategy = strategy
      })
      await place.send('apply', manifest)
      await place.replicaSets(name)
      await place.kubectl([
        'annotate',
        `deployment/${name}`,
        `${COMMAND}=flask db upgrade`,
        'migrate.io/strategy=rolling',
      ])
      const injected = await place.deployment(name)
      assertInjected(injected)
      assert.deepEqual(injected.spec.strategy, ARTICLE_STRATEGY)
      await place.replicaSets(name)
      await place.kubectl(['rollout', 'undo', `deployment/${name}`])
      const undone = await place.deployment(name)
      assertBare(undone)
      assert.equal(undone.metadata.annotations?.[COMMAND], undefined)
      assert.deepEqual(undone.spec.strategy, strategy ?? DEFAULT_STRATEGY)
      // And back again: the annotation returns with its revision.
      await place.replicaSets(name)
      await place.kubectl(['rollout', 'undo', `deployment/${name}`])
      const again = await place.deployment(name)
      assertInjected(again)
      assert.equal(templateText(again), templateText(injected))
      assert.deepEqual(again.spec.strategy, ARTICLE_STRATEGY)
      await place.kubectl(['annotate', `deployment/${name}`, `${COMMAND}-`, 'migrate.io/strategy-'])
      assert.deepEqual((await place.deployment(name)).spec.strategy, strategy ?? DEFAULT_STRATEGY)
    }
  })

  test('A5: a bare template sent while the annotation stays gives exactly one', async () => {
    const manifest = flask('replaced')
    await place.send('create', manifest)
    const before = templateText(await place.deployment('replaced'))
    await place.replace(manifest)
    assert.equal(templateText(await place.deployment('replaced')), before)
    await place.replace(flask('replaced', ({ spec }) => setImage(spec.template, 'flask:2')))
    assert.equal(assertInjected(await place.deployment('replaced')).image, 'flask:2')
  })

  test('A5: a template that holds ours already gives exactly one, also under another name', async () => {
    await place.send(
      'create',
      flask('source', ({ spec }) => setImage(spec.template, 'flask:7')),
    )
    const stored = await place.deployment('source')
    const { annotations = {} } = stored.metadata
    const copy: Manifest = { ...flask('source'), spec: structuredClone(stored.spec) }
    copy.metadata.annotations = { ...annotations }
    await place.kubectl(['delete', 'deployment/source'])
    await place.send('create', copy)
    const same = await place.deployment('source')
    assert.equal(templateText(same), templateText(stored))
    assert.deepEqual(same.metadata.annotations?.['migrate.io/injected'], annotations['migrate.io/injected'])
    // With another image than the one that its init container was copied from.
    setImage(copy.spec.template, 'flask:8')
    copy.metadata.name = 'target'
    await place.send('create', copy)
    const target = await place.deployment('target')
    assert.equal(assertInjected(target).image, 'flask:8')
    const [volume] = target.spec.template.spec.volumes ?? []
    assert.match(JSON.stringify(volume), /deployment\.target\.migrate-io/)
    assert.doesNotMatch(JSON.stringify(volume), /deployment\.source/)
  })

  test('A5: undo to a revision with an older wrapper, by a version that knows it: byte for byte, its ReplicaSet again', async () => {
    for (const name of ['older', 'unknown']) {
      await place.send('apply', flask(name))
      await place.kubectl(['set', 'image', `deployment/${name}`, 'flask=flask:2'])
      await place.replicaSets(name)
    }
    await installation.useVersion(later.root)
    const [first] = await place.replicaSets('older')
    await place.kubectl(['set', 'image', 'deployment/older', 'flask=flask:3'])
    assert.ok(assertInjected(await place.deployment('older')).command?.[2]?.startsWith(OTHER_LINE))
    await place.replicaSets('older')
    await place.kubectl(['rollout', 'undo', 'deployment/older', '--to-revision=1'])
    const undone = await place.deployment('older')
    assert.equal(templateText(undone), templateText(first))
    assert.ok(!assertInjected(undone).command?.[2]?.startsWith(OTHER_LINE))
    assert.equal((await place.replicaSets('older')).length, 3)

    // A version that does not know that wrapper can't tell it from somebody's text.
    await installation.useVersion(stranger.root)
    await place.kubectl(['rollout', 'undo', 'deployment/unknown', '--to-revision=1'])
    assert.ok(assertInjected(await place.deployment('unknown')).command?.[2]?.startsWith(OTHER_LINE))
    assert.equal((await place.replicaSets('unknown')).length, 3)
  })
})

function templateText(object: { spec: { template: Template } } | undefined): string {
  assert.ok(object)
  return JSON.stringify(templateOf(object))
}

function setImage(template: Template, image: string): void {
  const [container] = template.spec.containers
  assert.ok(container)
  container.image = image
}
