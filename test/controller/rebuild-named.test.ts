import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reconcile } from '../../src/controller/reconcile.ts'
import { namedLockConfigMapName } from '../../src/migration/names.ts'
import { ended, KEY } from './objects.ts'
import { Shop } from './shop.ts'

const LOCK = 'database'

/** A Deployment that wants a named lock whose ConfigMap is lost. */
function shopWithLostLock(): Shop {
  const shop = new Shop({}, { 'migrate.io/lock': LOCK })
  shop.add({ name: 'web-a-1' })
  return shop
}

const holderIn = ({ server }: Shop) => server.get('ConfigMap', namedLockConfigMapName(LOCK))?.data?.['holder'] ?? ''

describe('L5: a named lock that is lost is made anew', () => {
  test('beside a pod without a record that waits: it is told to, so that nobody can let it run any more', async () => {
    const shop = shopWithLostLock()
    shop.addStray({ name: 'gone-a-1', grant: 'wait 7' })
    const look = await reconcile(KEY, shop.surroundings())
    assert.equal(look.waiting, 'running')
    assert.equal(shop.grantOn('gone-a-1'), 'wait 8')
    assert.match(holderIn(shop), /"pod":"web-a-1"/)
    assert.equal(shop.grantOn('web-a-1'), 'run 5')
  })

  for (const [what, options] of [
    ['that never started', { state: { waiting: { reason: 'PodInitializing' } } }],
    ['that is done', { state: ended(0) }],
    ['that was told to skip', { grant: 'skip' }],
  ] as const)
    test(`beside a pod without a record ${what}, which is left alone`, async () => {
      const shop = shopWithLostLock()
      shop.addStray({ name: 'gone-a-1', ...options })
      await reconcile(KEY, shop.surroundings())
      assert.equal(shop.grantOn('gone-a-1'), 'grant' in options ? options.grant : undefined)
      assert.equal(shop.grantOn('web-a-1'), 'run 5')
    })

  for (const phase of ['Pending', 'Running'] as const)
    test(`not beside one that may be running in phase ${phase}, and says so`, async () => {
      const shop = shopWithLostLock()
      shop.addStray({ name: 'gone-a-1', grant: 'run 7', phase })
      const look = await reconcile(KEY, shop.surroundings())
      assert.equal(look.waiting, 'lock-unsettled')
      assert.deepEqual([shop.grantOn('gone-a-1'), shop.grantOn('web-a-1')], ['run 7', undefined])
      assert.doesNotMatch(holderIn(shop), /pod/)
    })

  test('not where the pod begins to run just then', async () => {
    const shop = shopWithLostLock()
    const stray = shop.addStray({ name: 'gone-a-1' })
    shop.before = (call) => {
      if (!call.text.startsWith('tell gone-a-1')) return
      shop.before = () => {}
      shop.server.annotate(stray.metadata, { 'migrate.io/grant': 'run 7' }, 'another controller')
    }
    const look = await reconcile(KEY, shop.surroundings())
    assert.equal(look.waiting, 'lock-unsettled')
    assert.equal(shop.grantOn('gone-a-1'), 'run 7')
  })
})
