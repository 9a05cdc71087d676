import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import {
  ARTICLE_STRATEGY,
  annotate,
  flask,
  type Manifest,
  withoutAnnotations,
} from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()
const RECREATE = { type: 'Recreate' }

describe('the annotation goes', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('removal') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  const kinds: [string, (manifest: Manifest) => void][] = [
    ['default', () => {}],
    [
      'own-numbers',
      (manifest) => {
        manifest.spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } }
        annotate(manifest, { strategy: 'rolling' })
      },
    ],
    [
      'partly-own',
      (manifest) => {
        manifest.spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0 } }
        annotate(manifest, { strategy: 'rolling' })
      },
    ],
    ['timeout', (manifest) => annotate(manifest, { timeout: '2h' })],
    [
      'own-deadline',
      (manifest) => {
        manifest.spec.progressDeadlineSeconds = 120
        annotate(manifest, { timeout: '90m', strategy: 'rolling' })
        manifest.spec.strategy = RECREATE
      },
    ],
  ]
  const ways: [string, (name: string, manifest: Manifest) => Promise<unknown>][] = [
    ['annotate', (name) => place.kubectl(['annotate', `deployment/${name}`, ...removed])],
    ['apply', (_name, manifest) => place.send('apply', manifest)],
    ['replace', (_name, manifest) => place.replace(manifest)],
    ['server-side', (_name, manifest) => place.send('apply --server-side', manifest)],
  ]
  const removed = ['command', 'strategy', 'timeout'].map((name) => `migrate.io/${name}-`)

  for (const [kind, change] of kinds) {
    for (const [way, remove] of ways) {
      test(`A6: ${kind}, by ${way}: all of ours goes in that request, and what it stood for is back`, async () => {
        const name = `${kind}-${way}`
        const manifest = flask(name, change)
        const bare = flask(name, (each) => {
          change(each)
          withoutAnnotations(each)
        })
        const { body: alone } = await place.create(bare, '?dryRun=All')
        await place.send(way === 'server-side' ? 'apply --server-side' : 'apply', manifest)
        const injected = await place.deployment(name)
        assertInjected(injected)
        assert.deepEqual(injected.spec.strategy, ARTICLE_STRATEGY)
        if (kind === 'timeout') assert.equal(injected.spec.progressDeadlineSeconds, 7800)
        if (kind === 'own-deadline') assert.equal(injected.spec.progressDeadlineSeconds, 6000)
        await remove(name, bare)
        const stored = await place.deployment(name)
        assertBare(stored)
        assert.deepEqual(stored.spec, alone.spec)
        assert.deepEqual(
          Object.keys(stored.metadata.annotations ?? {}).filter((key) => key.includes('migrate.io')),
          [],
        )
      })
    }
  }

  test('A6: what the same request sets in place of ours is what is stored', async () => {
    await place.create(flask('own-words', (manifest) => annotate(manifest, { timeout: '2h' })))
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } }
    const { status, body } = await place.patch('own-words', {
      metadata: { annotations: { 'migrate.io/command': null, 'migrate.io/timeout': null } },
      spec: { progressDeadlineSeconds: 900, strategy },
    })
    assert.equal(status, 200)
    assertBare(body)
    assert.deepEqual(body.spec.strategy, strategy)
    assert.equal(body.spec.progressDeadlineSeconds, 900)
  })
})
