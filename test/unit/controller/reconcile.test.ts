import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reconcile } from '../../../src/controller/reconcile.ts'
import type { Pod } from '../../../src/kube/objects.ts'
import type { ControllerEvent } from '../../../src/lock/event.ts'
import { MAX_RUN_NUMBER } from '../../../src/lock/grant.ts'
import { lockText } from '../../../src/lock/named-lock.ts'
import { PROTOCOL, PROTOCOL_LABEL, REVISION_LABEL } from '../../../src/names.ts'
import { ended, holderOf, KEY, NOW, podOf } from '../../support/controller/objects.ts'
import { Shop } from '../../support/controller/shop.ts'

const COMPLETED = { 'completed.a': '{"pod":"web-a-0","image":"","started":"","seconds":1,"number":4}' }
const told = ({ calls }: Shop) => calls.filter((call) => call.startsWith('tell')).length

describe('A look at a lock whose revision is recorded', () => {
  test('tells each waiting pod to skip, also where the watch lags behind', async () => {
    const shop = new Shop({ entries: COMPLETED })
    const old = ['web-a-1', 'web-a-2'].map((name) => shop.add({ name }))
    shop.touch('web-a-1')
    const look = await reconcile(KEY, shop.context(old))
    assert.deepEqual([shop.grantOn('web-a-1'), shop.grantOn('web-a-2')], ['skip', 'skip'])
    assert.deepEqual([look.isKnown, look.waitReason], [true, undefined])
    assert.equal(told(shop), 3)
    assert.deepEqual(shop.reported, ['skipped', 'skipped'])
  })

  test('comes back later where a pod changes again and again, and does not turn in circles', async () => {
    const shop = new Shop({ entries: COMPLETED })
    shop.add({ name: 'web-a-1' })
    shop.before = ({ text }) => text.startsWith('tell') && shop.touch('web-a-1')
    const look = await reconcile(KEY, shop.context())
    assert.equal(look.isKnown, false)
    assert.ok(look.requeueAt !== undefined && look.requeueAt > NOW && look.requeueAt < NOW + 1_000)
    assert.equal(told(shop), 6, 'five conflicts are borne')
  })
})

describe('A runner whose command overwrote its run number', () => {
  test('W7: exit 0: nothing is recorded, that is told, and the next pod runs', async () => {
    const shop = new Shop()
    shop.hold(holderOf(shop.add({ name: 'web-a-1', grant: 'run 5', state: ended(0, 'all done') }), 5))
    shop.add({ name: 'web-a-2' })
    await reconcile(KEY, shop.context())
    assert.deepEqual(shop.reported, ['not-recorded', 'run-started'])
    assert.deepEqual([shop.grantOn('web-a-1'), shop.grantOn('web-a-2')], ['wait 5', 'run 6'])
    assert.equal(shop.record?.data?.['completed.a'], undefined)
  })

  test('W7: exit 1: nothing until its next start has said so, then it counts, and that is told', async () => {
    const shop = new Shop({}, { 'migrate.io/retries': '0' })
    const runner = shop.add({ name: 'web-a-1', grant: 'run 5', lastState: ended(1, 'oh no') })
    shop.hold(holderOf(runner, 5))
    shop.add({ name: 'web-a-2' })
    await reconcile(KEY, shop.context())
    assert.deepEqual(shop.reported, [], 'it may not have started')
    const stored = shop.server.get('Pod', 'web-a-1')
    assert.ok(stored)
    const { status } = podOf({ state: ended(75, 'stale 5'), lastState: ended(1, 'oh no') })
    shop.server.update('Pod', { ...stored, ...(status && { status }) }, 'kubelet')
    const look = await reconcile(KEY, shop.context())
    assert.deepEqual(shop.reported, ['not-recorded', 'run-failed'])
    assert.match(shop.record?.data?.['failed.a'] ?? '', /"count":1,"exit":1/)
    assert.deepEqual([look.waitReason, shop.grantOn('web-a-2')], ['gave-up', undefined])
  })
})

describe('A pod that no Deployment made', () => {
  const copyOf = (pod: Pod, labels: Record<string, string>, owners: boolean): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, labels, ownerReferences: owners ? (pod.metadata.ownerReferences ?? []) : [] },
  })

  test('W8: is told, never gets the lock, and holds up no other', async () => {
    const labels = { [PROTOCOL_LABEL]: PROTOCOL }
    const withHash = { ...labels, [REVISION_LABEL]: 'a' }
    for (const copy of [
      copyOf(podOf({ name: 'a-copy' }), withHash, false),
      copyOf(podOf({ name: 'a-copy' }), labels, false),
      // Of an Argo Rollout, whose own controller makes ReplicaSets.
      copyOf(podOf({ name: 'a-copy' }), labels, true),
    ]) {
      const shop = new Shop()
      const own = shop.add({ name: 'web-a-1' })
      const stray = shop.server.create('Pod', copy, 'kubectl')
      await reconcile(KEY, shop.context([stray, own]))
      assert.deepEqual(shop.reported, ['problem foreign-pod', 'run-started'])
      assert.deepEqual([shop.grantOn('a-copy'), shop.grantOn('web-a-1')], [undefined, 'run 5'])
    }
  })

  test('W8: its exit changes nothing of a lock, held or free', async () => {
    const shop = new Shop()
    const labels = { [PROTOCOL_LABEL]: PROTOCOL }
    const exit = ended(78, 'no pod of a Deployment: it has no label pod-template-hash')
    const stray = shop.server.create('Pod', copyOf(podOf({ name: 'a-copy', state: exit }), labels, false), 'kubectl')
    await reconcile(KEY, shop.context([stray]))
    const writes = () => shop.calls.filter((call) => /^(write|tell|create)/.test(call))
    assert.deepEqual(writes(), [])
    const runner = shop.add({ name: 'web-a-1', grant: 'run 5' })
    shop.hold(holderOf(runner, 5))
    await reconcile(KEY, shop.context([stray, runner]))
    assert.deepEqual(writes(), [])
    assert.match(shop.record?.data?.['holder'] ?? '', /"pod":"web-a-1"/)
  })
})

describe('A runner that has succeeded', () => {
  test('P4: who waits for it is told right after the record is written, with nothing read in between', async () => {
    const shop = new Shop()
    shop.hold(holderOf(shop.add({ name: 'web-a-1', grant: 'run 5', state: ended(0, 'run 5') }), 5))
    for (const name of ['web-a-2', 'web-a-3']) shop.add({ name })
    await reconcile(KEY, shop.context())
    const { calls } = shop
    const recorded = calls.findIndex((call) => call.startsWith('write ConfigMap'))
    assert.deepEqual([shop.grantOn('web-a-2'), shop.grantOn('web-a-3')], ['skip', 'skip'])
    assert.deepEqual(
      calls.slice(recorded, recorded + 3).map((call) => call.split(' ')[0]),
      ['write', 'tell', 'tell'],
    )
  })

  test('whoever else writes the record right after is seen before anything is written to it again', async () => {
    const shop = new Shop()
    const runner = shop.add({ name: 'web-a-1', grant: 'run 5', state: ended(0, 'run 5') })
    shop.hold(holderOf(runner, 5))
    shop.add({ name: 'web-a-2', revision: 'b' })
    let writes = 0
    shop.before = ({ text }) => {
      const { record } = shop
      if (!text.startsWith('write ConfigMap') || ++writes !== 2 || record === undefined) return
      const data = { ...record.data, 'completed.b': COMPLETED['completed.a'] }
      shop.server.update('ConfigMap', { ...record, data }, 'kubectl')
    }
    await reconcile(KEY, shop.context())
    assert.equal(writes, 2, 'the record of the run, and the lock for the other revision, which fails')
    assert.equal(shop.grantOn('web-a-2'), 'skip')
    assert.ok(shop.record?.data?.['completed.a'] && shop.record.data['completed.b'])
    assert.ok(!shop.calls.includes('tell web-a-2 run 6'))
  })

  test('has those looked at that wait for its named lock', async () => {
    const shop = new Shop({}, { 'migrate.io/lock': 'db' })
    shop.hold(holderOf(shop.add({ grant: 'run 5', state: ended(0, 'run 5') }), 5, 'db'))
    shop.waiters.wait(lockText('shop', 'db'), 'shop/other')
    const { alsoReconcile } = await reconcile(KEY, shop.context())
    assert.deepEqual(alsoReconcile, [{ namespace: 'shop', deployment: 'other' }])
  })

  /** @param mountsRecord false where the API server made its Deployment's name up */
  async function finish(mountsRecord: boolean) {
    const shop = new Shop()
    const stored = shop.add({ name: 'web-a-1', grant: 'run 5', state: ended(0, 'run 5') })
    const pod = mountsRecord ? stored : shop.server.update('Pod', { ...stored, spec: {} }, 'kubelet')
    shop.hold(holderOf(pod, 5))
    await reconcile(KEY, shop.context())
    assert.ok(shop.record?.data?.['completed.a'])
    return shop
  }

  test('is told to skip where it does not mount the record: after its node’s restart nobody may see it wait', async () => {
    const shop = await finish(false)
    assert.equal(shop.grantOn('web-a-1'), 'skip')
    assert.deepEqual(shop.reported, ['run-succeeded'], 'it is no pod that was spared a run')
  })

  test('is left alone where it mounts the record', async () => {
    const shop = await finish(true)
    assert.equal(shop.grantOn('web-a-1'), 'run 5')
  })
})

describe('How a lock stands after a look', () => {
  const FAILED = { 'failed.a': '{"count":2,"exit":3}' }

  for (const [what, entries, hasFailed] of [
    ['never ran', {}, false],
    ['failed', FAILED, true],
    ['failed and then succeeded', { ...FAILED, ...COMPLETED }, false],
    ['is another than the one that failed', { 'failed.b': FAILED['failed.a'] }, false],
  ] as const)
    test(`a revision that ${what}`, async () => {
      const shop = new Shop({ entries })
      shop.add({ state: ended(3) })
      const look = await reconcile(KEY, shop.context())
      assert.deepEqual([look.hasFailed, look.heldSince], [hasFailed, undefined])
    })

  test('held, since the time that its record says', async () => {
    const shop = new Shop()
    const holder = holderOf(shop.add({ grant: 'run 5' }), 5)
    shop.hold(holder)
    assert.equal((await reconcile(KEY, shop.context())).heldSince, Date.parse(holder.since))
  })
})

test('Of 100 pods that are left out for the same reason, a look reports one, and how many more there are', async () => {
  const shop = new Shop()
  for (let i = 100; i > 0; i--) shop.add({ name: `web-a-${i}`, grant: 'go' })
  shop.add({ name: 'web-a-max', grant: `wait ${MAX_RUN_NUMBER}` })
  const told: ControllerEvent[] = []
  for (let looks = 0; looks < 5; looks++)
    await reconcile(KEY, { ...shop.context(), report: (event) => told.push(event) })
  const problems = told.filter((event) => event.kind === 'problem').slice(0, 2)
  assert.deepEqual(problems.map(({ reason, object, others }) => [reason, object, others]).toSorted(), [
    ['numbers-exhausted', 'web-a-max', 0],
    ['unreadable-grant', 'web-a-1', 99],
  ])
  assert.ok(told.length <= 20, `${told.length} in 5 looks`)
})
