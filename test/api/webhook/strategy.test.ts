import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import {
  ARTICLE_STRATEGY,
  annotate,
  DEFAULT_STRATEGY,
  flask,
  type Strategy,
} from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()

const SINGLE: Strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
const OWN: Strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '50%', maxUnavailable: 0 } }
const NO_SURGE: Strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }
const RECREATE: Strategy = { type: 'Recreate' }

interface Row {
  readonly name: string
  /** In the manifest; left out: none. */
  readonly stated?: Strategy
  readonly replicas?: number | 'absent'
  readonly mode?: 'rolling' | 'keep'
  readonly stored: Strategy
  readonly warns?: boolean
}

// | manifest states | replicas | migrate.io/strategy | stored | warning |
const ROWS: readonly Row[] = [
  { name: 'none-3', stored: ARTICLE_STRATEGY },
  { name: 'none-2', replicas: 2, stored: ARTICLE_STRATEGY },
  { name: 'none-1', replicas: 1, stored: SINGLE },
  { name: 'none-0', replicas: 0, stored: SINGLE },
  { name: 'none-absent', replicas: 'absent', stored: SINGLE },
  { name: 'stated-25', stated: DEFAULT_STRATEGY, stored: ARTICLE_STRATEGY },
  { name: 'own', stated: OWN, stored: OWN, warns: true },
  { name: 'no-surge', stated: NO_SURGE, stored: NO_SURGE, warns: true },
  { name: 'recreate', stated: RECREATE, stored: RECREATE, warns: true },
  { name: 'own-rolling', stated: OWN, mode: 'rolling', stored: ARTICLE_STRATEGY },
  { name: 'recreate-rolling-1', stated: RECREATE, replicas: 1, mode: 'rolling', stored: SINGLE },
  { name: 'none-keep', mode: 'keep', stored: DEFAULT_STRATEGY },
  { name: 'recreate-keep', stated: RECREATE, mode: 'keep', stored: RECREATE },
]

describe('the strategy', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('strategy') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  for (const { name, stated, replicas = 3, mode, stored, warns = false } of ROWS) {
    test(`A7: ${name}: stored as in the table, and restored when the annotation goes`, async () => {
      const manifest = flask(name, (each) => {
        if (replicas === 'absent') delete each.spec.replicas
        else each.spec.replicas = replicas
        if (stated) each.spec.strategy = stated
        if (mode) annotate(each, { strategy: mode })
      })
      const { status, body, warnings } = await place.create(manifest)
      assert.equal(status, 201)
      assert.deepEqual(body.spec.strategy, stored)
      assert.equal(warnings.filter((warning) => warning.startsWith('spec.strategy (')).length, warns ? 1 : 0)
      assertInjected(body)

      const annotations = { 'migrate.io/command': null, 'migrate.io/strategy': null }
      const removed = await place.patch(name, { metadata: { annotations } })
      assert.equal(removed.status, 200)
      assertBare(removed.body)
      assert.deepEqual(removed.body.spec.strategy, stated ?? DEFAULT_STRATEGY)
    })
  }

  test('A7: scaled later: by the user’s own update at once, by the scale subresource with the next one', async () => {
    await place.create(flask('scaled'))
    const updated = await place.patch('scaled', { spec: { replicas: 1 } })
    assert.deepEqual(updated.body.spec.strategy, SINGLE)
    await place.kubectl(['scale', 'deployment/scaled', '--replicas=4'])
    assert.deepEqual((await place.deployment('scaled')).spec.strategy, SINGLE)
    const noted = await place.patch('scaled', { metadata: { annotations: { note: 'nothing of this counts' } } })
    assert.deepEqual(noted.body.spec.strategy, SINGLE)
    await place.kubectl(['set', 'image', 'deployment/scaled', 'flask=flask:2'])
    assert.deepEqual((await place.deployment('scaled')).spec.strategy, ARTICLE_STRATEGY)
    const removed = await place.patch('scaled', { metadata: { annotations: { 'migrate.io/command': null } } })
    assert.deepEqual(removed.body.spec.strategy, DEFAULT_STRATEGY)
  })

  test('A7: a strategy that the user changes later is the one that comes back', async () => {
    await place.create(flask('changed', (manifest) => annotate(manifest, { strategy: 'rolling' })))
    const changed = await place.patch('changed', { spec: { strategy: OWN } })
    assert.deepEqual(changed.body.spec.strategy, ARTICLE_STRATEGY)
    const annotations = { 'migrate.io/command': null, 'migrate.io/strategy': null }
    const removed = await place.patch('changed', { metadata: { annotations } })
    assert.deepEqual(removed.body.spec.strategy, OWN)
  })
})
