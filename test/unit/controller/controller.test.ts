import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { createController, RequeueDelay } from '../../../src/controller/controller.ts'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import type { ReconcileResult } from '../../../src/controller/reconcile.ts'
import { KubeError } from '../../../src/kube/api.ts'
import type { Pod } from '../../../src/kube/objects.ts'
import type { Wait } from '../../../src/lock/reasons.ts'
import { ended, holderOf, NOW, podOf } from '../../support/controller/objects.ts'
import { Shop } from '../../support/controller/shop.ts'
import { FakeClock } from '../../support/kube/fake-clock.ts'

const LONG = 'x'.repeat(253)

/** The loop of a controller of this shop, whose clock stands still until told. */
function loopOf(
  t: TestContext,
  shop: Shop,
  watched: () => Iterable<Pod> = () => shop.server.all('Pod'),
  platform?: (node: string) => Promise<string | undefined>,
) {
  const clock = new FakeClock()
  const looks: (Wait | undefined)[] = []
  const failures: unknown[] = []
  const pods = new PodIndex()
  shop.server.now = () => NOW + clock.nowMs()
  const { api, random, report } = shop.context()
  const loop = createController({
    ...{ api, pods, watched, random, report, clock },
    ...(platform && { platform }),
    now: () => NOW + clock.nowMs(),
    onReconciled: (_, { waitReason }) => looks.push(waitReason),
    onFailure: ({ error }) => failures.push(error),
  })
  t.after(() => loop.stop())
  /** Lets time pass, and all that follows happen. */
  const pass = async (ms: number) => {
    await clock.advance(ms)
    for (let calls = -1; calls !== shop.calls.length; await clock.advance(0)) calls = shop.calls.length
  }
  return { loop, pass, looks, failures, pods }
}

describe('A pod that may have missed what it was told', () => {
  test('L14: is nudged once, 5 s after it was told to run', async (t) => {
    const shop = new Shop()
    const pod = shop.add()
    const { loop, pass, failures } = loopOf(t, shop)
    loop.podChanged(pod, undefined)
    loop.start()
    const nudges = () => shop.calls.filter((call) => call.startsWith('nudge'))
    await pass(0)
    await pass(4_900)
    assert.deepEqual([shop.grantOn('web-a-1'), nudges()], ['run 5', []])
    await pass(200)
    assert.deepEqual(nudges(), ['nudge web-a-1 run 5'])
    await pass(300_000)
    assert.equal(nudges().length, 1)
    assert.deepEqual(failures, [])
  })

  test('L14: where a policy of an earlier version refuses that, the run goes on without it, and it is said', async (t) => {
    const shop = new Shop()
    const pod = shop.add()
    shop.before = ({ text }) => {
      if (text.startsWith('nudge')) throw new KubeError('forbidden', 'denied by a policy')
    }
    const { loop, pass, looks } = loopOf(t, shop)
    loop.podChanged(pod, undefined)
    loop.start()
    await pass(0)
    await pass(6_000)
    assert.deepEqual([shop.grantOn('web-a-1'), looks.at(-1)], ['run 5', 'running'])
    assert.ok(shop.reported.includes('problem forbidden'))
    const stored = shop.server.get('Pod', 'web-a-1')
    assert.ok(stored)
    const status = podOf({ state: ended(0, 'run 5') }).status ?? {}
    loop.podChanged(shop.server.update('Pod', { ...stored, status }, 'kubelet'), pod)
    await pass(0)
    assert.ok(shop.record?.data?.['completed.a'])
  })
})

describe('A tag that moved', () => {
  const OLD = `repo/app@sha256:${'a'.repeat(64)}`
  const NEW = `repo/app@sha256:${'b'.repeat(64)}`
  const completed = { pod: 'web-a-0', image: 'app:1', imageID: OLD, platform: 'amd64 containerd' }
  const entries = {
    'completed.a': JSON.stringify({ ...completed, started: '2026-01-01T11:00:00Z', seconds: 1, number: 4 }),
  }

  test('L13: is told of a pod that was gone from the view when its lock at rest was looked at', async (t) => {
    const shop = new Shop({ entries })
    const [before] = ['web-a-1'].map((name) => shop.add({ name, imageID: OLD, node: 'n1', state: ended(0) }))
    const { loop, pass } = loopOf(t, shop, undefined, async () => 'amd64 containerd')
    assert.ok(before)
    loop.podChanged(before, undefined)
    loop.start()
    await pass(0)
    assert.deepEqual(shop.reported, [])
    const pod = shop.add({ name: 'web-a-2', imageID: NEW, node: 'n2', state: ended(0) })
    loop.podChanged(pod, undefined)
    loop.podGone(pod)
    await pass(1_500)
    assert.deepEqual(shop.reported, ['image-moved'])
  })
})

/** A loop that has looked at its only pod, which has not begun to wait. */
async function atRest(t: TestContext) {
  const shop = new Shop()
  const pod = shop.add({ state: { waiting: {} } })
  const { loop, pass, looks } = loopOf(t, shop)
  loop.podChanged(pod, undefined)
  loop.start()
  await pass(0)
  return { shop, pod, loop, pass, looks }
}

describe('The loop of a controller', () => {
  test('works only while it leads, and begins with all that waits', async (t) => {
    const shop = new Shop()
    const pod = shop.add()
    const { loop, pass } = loopOf(t, shop)
    loop.podChanged(pod, undefined)
    await pass(60_000)
    assert.deepEqual(shop.calls, [])
    loop.start()
    await pass(0)
    assert.equal(shop.grantOn('web-a-1'), 'run 5')
    await loop.stop()
    const before = shop.calls.length
    loop.podChanged({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } }, pod)
    await pass(600_000)
    assert.equal(shop.calls.length, before)
  })

  test('L4: begins with all that is held, also where no pod of it is seen', async (t) => {
    const shop = new Shop()
    shop.hold(holderOf(shop.add({ grant: 'run 5', state: ended(0, 'run 5'), phase: 'Running' }), 5))
    const { loop, pass } = loopOf(t, shop)
    loop.start()
    await pass(0)
    assert.ok(shop.record?.data?.['completed.a'])
  })

  test('looks at a held lock when a pod of it changes or goes, and not where nothing that counts has changed', async (t) => {
    const shop = new Shop()
    const pod = shop.add({ grant: 'run 5' })
    shop.hold(holderOf(pod, 5))
    const { loop, pass, looks } = loopOf(t, shop)
    loop.start()
    loop.podChanged(pod, undefined)
    await pass(0)
    const before = looks.length
    const touched = { ...pod, metadata: { ...pod.metadata, resourceVersion: '99' } }
    loop.podChanged(touched, pod)
    await pass(0)
    assert.equal(looks.length, before)
    loop.podChanged({ ...touched, status: { phase: 'Running' } }, touched)
    await pass(0)
    assert.equal(looks.length, before + 1)
    loop.podGone(touched)
    await pass(0)
    assert.equal(looks.length, before + 2)
  })

  test('at rest: looks once at all that comes and goes within a second, and at once at a pod that waits', async (t) => {
    const { shop, loop, pass, looks } = await atRest(t)
    const second = shop.add({ name: 'web-a-2', state: { waiting: {} } })
    const third = shop.add({ name: 'web-a-3', state: { waiting: {} } })
    const before = looks.length
    loop.podChanged(second, undefined)
    await pass(400)
    loop.podChanged(third, undefined)
    loop.podGone(second)
    await pass(599)
    assert.equal(looks.length, before)
    await pass(1)
    assert.equal(looks.length, before + 1)

    const waiting = shop.server.update('Pod', { ...third, status: podOf().status ?? {} }, 'kubelet')
    loop.podChanged(waiting, third)
    await pass(0)
    assert.equal(shop.grantOn('web-a-3'), 'run 5')

    const running = shop.server.get('Pod', 'web-a-3') ?? assert.fail()
    const done: Pod = {
      ...running,
      status: {
        phase: 'Pending',
        initContainerStatuses: podOf({ state: ended(0, 'run 5') }).status?.initContainerStatuses ?? [],
      },
    }
    loop.podChanged(shop.server.update('Pod', done, 'kubelet'), running)
    await pass(0)
    assert.ok(shop.record?.data?.['completed.a'], 'it is at rest no longer')
  })

  test('at rest: looks at once at the first pod of another ReplicaSet, which may be of a new Deployment', async (t) => {
    const { pod, loop, pass, looks } = await atRest(t)
    const before = looks.length
    const [owner] = pod.metadata.ownerReferences ?? []
    assert.ok(owner)
    const metadata = { ...pod.metadata, name: 'web-b-1', uid: 'b', ownerReferences: [{ ...owner, uid: 'new' }] }
    loop.podChanged({ ...pod, metadata }, undefined)
    await pass(0)
    assert.equal(looks.length, before + 1)
  })

  test('at rest: no longer once no pod is seen, since the next one may be of a new Deployment', async (t) => {
    const { pod, loop, pass, looks } = await atRest(t)
    loop.podGone(pod)
    await pass(1_000)
    const before = looks.length
    loop.podChanged(pod, undefined)
    await pass(0)
    assert.equal(looks.length, before + 1)
  })

  test('looks again by the time, and less and less often where the Deployment controller is away', async (t) => {
    const shop = new Shop()
    const pod = shop.add()
    const deployment = shop.server.get('Deployment', 'web') ?? assert.fail()
    const behind = { ...deployment, status: { observedGeneration: 0 } }
    shop.server.update('Deployment', behind, 'kubectl')
    const { loop, pass, looks } = loopOf(t, shop)
    loop.podChanged(pod, undefined)
    loop.start()
    await pass(0)
    const counts: number[] = []
    for (const delayMs of [999, 1, 1_999, 1, 4_999, 1, 4_999, 1]) {
      await pass(delayMs)
      counts.push(looks.length)
    }
    assert.deepEqual(counts, [1, 2, 2, 3, 3, 4, 4, 5])
    assert.deepEqual(new Set(looks), new Set(['rollout-unsettled']))
  })

  for (const when of ['before', 'after'] as const)
    test(`asks for the owner of a ReplicaSet whose name was cut off, of a pod that came ${when} the start`, async (t) => {
      const shop = new Shop()
      const { metadata } = shop.server.get('ReplicaSet', 'web-a') ?? assert.fail()
      const replicaSet = shop.server.create('ReplicaSet', { metadata: { ...metadata, name: LONG } }, 'kubernetes')
      const { uid } = replicaSet.metadata
      const plain = podOf()
      const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: LONG, uid, controller: true }
      const pod: Pod = { ...plain, metadata: { ...plain.metadata, ownerReferences: [owner] }, spec: {} }
      const watched: Pod[] = []
      const { loop, pass, pods, looks } = loopOf(t, shop, () => watched)
      const come = () => {
        watched.push(pod)
        loop.podChanged(pod, undefined)
      }
      if (when === 'before') come()
      loop.start()
      await pass(0)
      if (when === 'after') come()
      await pass(0)
      assert.deepEqual(pods.keys(), ['shop/web'])
      assert.equal(looks.length, 1)
    })

  test('S6: a record that somebody edited, without a Deployment or a pod: it rests until a pod comes', async (t) => {
    const shop = new Shop()
    const { record } = shop
    assert.ok(record)
    shop.server.update('ConfigMap', { ...record, data: { holder: 'mine' } }, 'kubectl')
    shop.server.remove('Deployment', 'web', 'kubectl')
    const { loop, pass, looks } = loopOf(t, shop)
    loop.start()
    await pass(0)
    const calls = shop.calls.length
    assert.equal(looks.length, 1)
    await pass(7_200_000)
    assert.equal(shop.calls.length, calls, 'it rests')
    loop.podChanged(shop.add(), undefined)
    await pass(0)
    assert.equal(looks.length, 2)
  })

  test('S6: pods without a Deployment are looked at more and more seldom, and at once where something changes', async (t) => {
    const shop = new Shop()
    const pod = shop.add()
    shop.server.remove('Deployment', 'web', 'kubectl')
    const { loop, pass, looks } = loopOf(t, shop)
    loop.podChanged(pod, undefined)
    loop.start()
    await pass(0)
    for (let minutes = 0; minutes < 12 * 60; minutes++) await pass(60_000)
    assert.ok(looks.length >= 24 && looks.length < 40, `${looks.length} looks in twelve hours`)
    const before = looks.length
    loop.podChanged({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } }, pod)
    await pass(1_000)
    assert.equal(looks.length, before + 1)
  })

  test('S6: for one more pod without an owner that can be found, nothing is asked again once it has gone', async (t) => {
    const shop = new Shop()
    const plain = podOf()
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: LONG, uid: 'u', controller: true }
    const pod: Pod = { ...plain, metadata: { ...plain.metadata, ownerReferences: [owner] }, spec: {} }
    const watched = [pod]
    const { loop, pass, failures } = loopOf(t, shop, () => watched)
    shop.before = ({ text }) => {
      if (text.startsWith('read ReplicaSet')) throw new KubeError('unavailable', 'away')
    }
    loop.podChanged(pod, undefined)
    loop.start()
    await pass(10_000)
    assert.ok(failures.length > 1)
    watched.pop()
    loop.podGone(pod)
    await pass(10_000)
    const before = shop.calls.length
    await pass(600_000)
    assert.equal(shop.calls.length, before)
  })

  test('O4: comes back to what failed', async (t) => {
    const shop = new Shop()
    shop.hold(holderOf(shop.add({ grant: 'run 5', state: ended(0, 'run 5'), phase: 'Running' }), 5))
    shop.before = ({ text }) => {
      if (text.startsWith('list ConfigMap')) throw new KubeError('unavailable', 'away')
    }
    const { loop, pass, failures } = loopOf(t, shop)
    loop.start()
    await pass(0)
    assert.equal(failures.length, 1)
    shop.before = () => {}
    await pass(5_000)
    assert.ok(shop.record?.data?.['completed.a'])
  })
})

const look = (changes: Partial<ReconcileResult>) => ({
  ...{ requeueAt: NOW + 30_000, waitReason: undefined, isOrphan: false, heldSince: undefined },
  ...changes,
})

test('a Deployment controller that does not catch up is asked after 1, 2 and then every 5 seconds', () => {
  const requeueDelay = new RequeueDelay()
  const after = (key: string) => requeueDelay.after(key, look({ waitReason: 'rollout-unsettled' }), NOW)
  assert.deepEqual(
    Array.from({ length: 4 }, () => after('shop/web')),
    [1_000, 2_000, 5_000, 5_000],
  )
  assert.equal(after('shop/other'), 1_000)
  assert.equal(requeueDelay.after('shop/web', look({ waitReason: 'running' }), NOW), 0)
  assert.equal(after('shop/web'), 1_000, 'from the beginning')
})

test('S6: without a Deployment the next look comes after as long as it has been so: 30 s at first, half an hour at most', () => {
  const requeueDelay = new RequeueDelay()
  const orphan = look({ isOrphan: true })
  const delays: number[] = []
  let now = NOW
  for (let nth = 0; nth < 10; nth++) {
    const delay = requeueDelay.after('shop/web', orphan, now)
    delays.push(delay / 1_000)
    now += delay
  }
  assert.deepEqual(delays, [30, 30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800])
  assert.equal(requeueDelay.after('shop/other', orphan, now), 30_000)
  assert.equal(requeueDelay.after('shop/web', look({}), now), 0, 'there is one')
  assert.equal(requeueDelay.after('shop/web', orphan, now), 30_000, 'from the beginning')
})

test('S6: a lock that is held without a Deployment is looked at every five minutes at least, since others may wait', () => {
  const requeueDelay = new RequeueDelay()
  const held = look({ isOrphan: true, heldSince: NOW })
  requeueDelay.after('shop/web', held, NOW)
  assert.equal(requeueDelay.after('shop/web', held, NOW + 3_600_000), 300_000)
})
