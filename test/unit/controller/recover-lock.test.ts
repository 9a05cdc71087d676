import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reconcile } from '../../../src/controller/reconcile.ts'
import { heldLocks } from '../../../src/controller/recover-lock.ts'
import type { ConfigMap } from '../../../src/kube/objects.ts'
import { newConfigMap } from '../../../src/lock/config-map.ts'
import { keyText } from '../../../src/lock/key.ts'
import { formatRecord, parseObject, UNKNOWN_LOCK } from '../../../src/lock/record.ts'
import { DEPLOYMENT_RECORD, FIELD_MANAGER, lockConfigMapName, namedLockConfigMapName } from '../../../src/names.ts'
import { configMapOf, ended, holderOf, KEY, podOf } from '../../support/controller/objects.ts'
import { Shop } from '../../support/controller/shop.ts'

const LOCK = 'database'

/** A Deployment that wants a named lock whose ConfigMap is lost. */
function shopWithLostLock(): Shop {
  const shop = new Shop({}, { 'migrate.io/lock': LOCK })
  shop.add({ name: 'web-a-1' })
  return shop
}

const holderIn = ({ server }: Shop) => server.get('ConfigMap', namedLockConfigMapName(LOCK))?.data?.['holder'] ?? ''

/** What is left of a record that was lost while the pod ran: which named lock its run is said to have. */
async function foundLock(grant: string, annotations: Record<string, string>): Promise<unknown> {
  const shop = new Shop({}, annotations)
  shop.add({ name: 'web-a-1', grant })
  shop.server.remove('ConfigMap', lockConfigMapName('web'), 'kubectl')
  await reconcile(KEY, shop.context())
  const holder = parseObject(shop.server.get('ConfigMap', lockConfigMapName('web'))?.data?.['holder'])
  assert.deepEqual([holder?.['pod'], holder?.['number']], ['web-a-1', 5])
  return holder?.['lock']
}

describe('A run whose record is lost', () => {
  test('L11: has the named lock that its grant says, whatever the Deployment names by now', async () => {
    const grant = 'run 5\nlock database'
    assert.equal(await foundLock(grant, { 'migrate.io/lock': 'another' }), 'database')
    assert.equal(await foundLock(grant, {}), 'database')
  })

  test('L11: may have each where its grant says nothing, as an earlier version wrote it', async () => {
    assert.equal(await foundLock('run 5', { 'migrate.io/lock': 'another' }), UNKNOWN_LOCK)
  })

  for (const [lock, waiting] of [
    [LOCK, 'lock-busy'],
    [UNKNOWN_LOCK, 'lock-busy'],
    ['another', 'running'],
  ] as const)
    test(`L11: that may have lock ${lock}: a lost lock ${LOCK} is ${waiting === 'running' ? 'free' : 'its'}`, async () => {
      const shop = shopWithLostLock()
      const { metadata } = shop.addStray({ name: 'gone-a-1', grant: 'run 7' })
      const holder = { pod: metadata.name, uid: metadata.uid, revision: 'a', number: 7, since: '', lock }
      const record = newConfigMap(KEY.namespace, lockConfigMapName('gone'), DEPLOYMENT_RECORD)
      const data = formatRecord({ number: 7, holder, entries: {} })
      shop.server.create('ConfigMap', { ...record, data }, FIELD_MANAGER)
      const look = await reconcile(KEY, shop.context())
      assert.equal(look.waitReason, waiting)
      assert.match(holderIn(shop), waiting === 'running' ? /"pod":"web-a-1"/ : /"pod":"gone-a-1"/)
    })

  test('L11: whoever waits for any lock is looked at when a run ends that may have had each', async () => {
    const holder = { pod: 'web-a-1', uid: 'uid-gone', revision: 'a', number: 4, since: '', lock: UNKNOWN_LOCK }
    const shop = new Shop({ holder })
    const other = { ...KEY, deployment: 'other' }
    shop.waiters.wait(`${KEY.namespace}/${LOCK}`, keyText(other))
    const look = await reconcile(KEY, shop.context())
    assert.deepEqual(look.alsoReconcile, [other])
  })
})

describe('L5: a named lock that is lost is made anew', () => {
  test('beside a pod without a record that waits: it is told to, so that nobody can let it run any more', async () => {
    const shop = shopWithLostLock()
    shop.addStray({ name: 'gone-a-1', grant: 'wait 7' })
    const look = await reconcile(KEY, shop.context())
    assert.equal(look.waitReason, 'running')
    assert.equal(shop.grantOn('gone-a-1'), 'wait 8')
    assert.match(holderIn(shop), /"pod":"web-a-1"/)
    assert.equal(shop.grantOn('web-a-1'), `run 5\nlock ${LOCK}`)
  })

  for (const [what, options] of [
    ['that never started', { state: { waiting: { reason: 'PodInitializing' } } }],
    ['that is done', { state: ended(0) }],
    ['that was told to skip', { grant: 'skip' }],
  ] as const)
    test(`beside a pod without a record ${what}, which is left alone`, async () => {
      const shop = shopWithLostLock()
      shop.addStray({ name: 'gone-a-1', ...options })
      await reconcile(KEY, shop.context())
      assert.equal(shop.grantOn('gone-a-1'), 'grant' in options ? options.grant : undefined)
      assert.equal(shop.grantOn('web-a-1'), `run 5\nlock ${LOCK}`)
    })

  for (const phase of ['Pending', 'Running'] as const)
    test(`not beside one that may be running in phase ${phase}, and says so`, async () => {
      const shop = shopWithLostLock()
      shop.addStray({ name: 'gone-a-1', grant: 'run 7', phase })
      const look = await reconcile(KEY, shop.context())
      assert.equal(look.waitReason, 'lock-unsettled')
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
    const look = await reconcile(KEY, shop.context())
    assert.equal(look.waitReason, 'lock-unsettled')
    assert.equal(shop.grantOn('gone-a-1'), 'run 7')
  })
})

/** What a controller finds held where these are all our ConfigMaps. */
async function found(...configMaps: ConfigMap[]): Promise<readonly string[]> {
  const selectors: (string | undefined)[] = []
  const held = await heldLocks({
    ...NOTHING,
    list: async (_, { labelSelector }, project) => {
      selectors.push(labelSelector)
      return configMaps.map((each) => project(each as never)).filter((kept) => kept !== undefined)
    },
  })
  assert.deepEqual(selectors, ['migrate.io/record=deployment'])
  return held.map(({ namespace, deployment }) => `${namespace}/${deployment}`)
}

const unexpected = () => Promise.reject(new Error('nothing else is asked'))
const NOTHING = {
  read: unexpected,
  list: unexpected,
  create: unexpected,
  replace: unexpected,
  annotatePod: unexpected,
}

const holder = holderOf(podOf(), 4)
const named = (configMap: ConfigMap, changes: Partial<ConfigMap['metadata']>): ConfigMap => ({
  ...configMap,
  metadata: { ...configMap.metadata, ...changes },
})

test('L4: a controller that begins looks at each lock that is held, or that somebody edited, and at no other', async () => {
  const held = configMapOf({ holder })
  const free = named(configMapOf(), { name: 'deployment.free.migrate-io' })
  const edited = { ...configMapOf({}, { data: {} }) }
  assert.deepEqual(await found(held), ['shop/web'])
  assert.deepEqual(await found(free), [])
  assert.deepEqual(await found(edited), ['shop/web'])
})

test('L4: whose lock it is, the owner tells, else the name; one that neither tells is nobody’s', async () => {
  const held = configMapOf({ holder })
  assert.deepEqual(await found(named(held, { ownerReferences: [] })), ['shop/web'])
  const foreign = { apiVersion: 'v1', kind: 'Deployment', name: 'other', uid: 'uid of other' }
  assert.deepEqual(await found(named(held, { ownerReferences: [foreign] })), ['shop/web'], 'an owner of another name')
  assert.deepEqual(await found(named(held, { name: 'web', ownerReferences: [] })), [])
})
