import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { ARTICLE_STRATEGY, DEFAULT_STRATEGY, flask } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected } from '../../support/installation/ours.ts'
import { makePlace, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()

describe('a namespace', () => {
  let installation: Installation
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('namespace') })
  })
  after(() => installation.stop())

  /** Each one an update that a user or a controller may make next. */
  const updates = {
    annotated: ['annotate', 'note=a'],
    labelled: ['label', 'note=a'],
    restarted: ['rollout', 'restart'],
  }
  const names = Object.keys(updates) as (keyof typeof updates)[]
  const update = (name: keyof typeof updates): string[] => {
    const [verb = '', argument = ''] = updates[name]
    return name === 'restarted' ? [verb, argument, `deployment/${name}`] : [verb, `deployment/${name}`, argument]
  }

  test('A13: loses its label: each Deployment is stripped at its next update, with a warning, and stays so', async () => {
    const place = await makePlace(cluster, installation)
    for (const name of names) await place.create(flask(name))
    await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection-'])
    await installation.untilOptedIn(place.name, false)
    for (const name of names) {
      const before = await place.deployment(name)
      assertInjected(before)
      assert.deepEqual(before.spec.strategy, ARTICLE_STRATEGY)
      const { stderr } = await place.kubectl(update(name))
      const after = await place.deployment(name)
      assertBare(after)
      assert.deepEqual(after.spec.strategy, DEFAULT_STRATEGY)
      assert.equal(after.metadata.annotations?.['migrate.io/command'], 'flask db upgrade', 'it is the user’s own')
      assert.match(stderr, /^Warning: .*(opted in|namespace)/m, `${name}: kubectl prints why`)
    }
    const calls = await installation.calls()
    for (const name of names) {
      const { stderr } = await place.kubectl(['annotate', `deployment/${name}`, 'note=later', '--overwrite'])
      assert.equal(stderr, '')
    }
    assert.equal(await installation.calls(), calls, 'from then on nobody asks us')
  })

  test('A13: gains its label: each Deployment is injected at its next update, with a warning, once', async () => {
    const place = await makePlace(cluster, installation, { optedIn: false })
    for (const name of names) await place.create(flask(name))
    await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection=enabled'])
    await installation.untilOptedIn(place.name)
    for (const name of names) {
      assertBare(await place.deployment(name))
      const { stderr } = await place.kubectl(update(name))
      const after = await place.deployment(name)
      assertInjected(after)
      assert.deepEqual(after.spec.strategy, ARTICLE_STRATEGY)
      // A restart is a rollout of the user's own.
      if (name !== 'restarted') assert.match(stderr, /^Warning: this starts a rollout/m, name)
      const again = await place.kubectl(['annotate', `deployment/${name}`, 'note=later', '--overwrite'])
      assert.equal(again.stderr, '')
      assert.deepEqual((await place.deployment(name)).spec, after.spec)
    }
  })

  test('A13: an injected manifest that is created where nobody opted in is stripped', async () => {
    const [served, outside] = [
      await makePlace(cluster, installation),
      await makePlace(cluster, installation, { optedIn: false }),
    ]
    const { body } = await served.create(flask('copied'))
    const { annotations, labels, name } = body.metadata
    const copy = { ...body, metadata: { name, labels, annotations } }
    const { stderr } = await outside.send('create', copy)
    const stored = await outside.deployment('copied')
    assertBare(stored)
    assert.deepEqual(stored.spec.strategy, DEFAULT_STRATEGY)
    assert.match(stderr, /^Warning: /m)
  })
})
