import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lockConfigMapName } from '../../../src/names.ts'
import { holderOf } from '../../support/lock/record-of.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('life')
const { cluster } = stage
/** Twenty without a ReplicaSet, and those of the history, the present one, and one that is about to go. */
const MOST_RECORDS = 20 + 2 + 2
const MOST_BYTES = 100 * 1024
const LIMIT_MS = 60_000
const NAME = lockConfigMapName('app')

const remove = ({ site }: Workshop, ...options: string[]) =>
  site.place.kubectl(['delete', 'deployment', 'app', ...options])

describe('a Deployment that is deleted and created again under its name', () => {
  test('L8: it runs again, before its app', async () => {
    const shop = await openWorkshop(stage)
    await shop.rollOut('app', { replicas: 2 })
    await remove(shop, '--cascade=foreground')
    const before = shop.journal.entries().length
    await shop.rollOut('app', { replicas: 2 })
    shop.journal.assertInOrder()
    const kinds = shop.journal.entries().map(({ what }) => what)
    assert.deepEqual(kinds.slice(before), ['start', 'end', 'app', 'app'])
  })

  test('L8: while its old runner uses its grace period: the new one waits, then runs', async () => {
    const shop = await openWorkshop(stage)
    await shop.apply('app', { replicas: 2, does: 'sleep 6' })
    const { pod } = await shop.journal.untilRun(1)
    await remove(shop, '--wait=false')
    await shop.rollOut('app', { replicas: 2, does: 'sleep 1' })
    shop.journal.assertInOrder()
    const starts = shop.journal.starts()
    assert.equal(starts.length, 2)
    assert.notEqual(starts[1]?.pod, pod)
    const [first, second] = shop.journal.entries()
    assert.deepEqual([first?.what, second?.what, second?.pod], ['start', 'end', pod])
  })

  test('L8: with the controller manager stopped in between: no overlap, no app before a success', async () => {
    const shop = await openWorkshop(stage)
    await shop.rollOut('app', { replicas: 2, does: 'sleep 1' })
    await cluster.stop('kube-controller-manager')
    await remove(shop, '--wait=false')
    await shop.apply('app', { replicas: 2, does: 'sleep 1' })
    await cluster.start('kube-controller-manager')
    await shop.rolledOut('app')
    shop.journal.assertInOrder()
    // The old record may count, until the garbage collector has removed it.
    const runs = shop.journal.starts().length
    assert.ok(runs === 1 || runs === 2, `${runs} runs`)
    await shop.rollOut('app', { replicas: 2, revision: 2, does: 'sleep 1' })
    shop.journal.assertInOrder()
    assert.equal(shop.journal.starts().length, runs + 1)
  })

  test('L8: stopped while its old runner runs: the new one waits for its end', async () => {
    const shop = await openWorkshop(stage)
    await shop.apply('app', { does: 'sleep 15' })
    await shop.journal.untilRun(1)
    await cluster.stop('kube-controller-manager')
    await remove(shop, '--wait=false')
    await shop.apply('app', { does: 'sleep 1' })
    await cluster.start('kube-controller-manager')
    await shop.rolledOut('app')
    shop.journal.assertInOrder()
    assert.ok(shop.journal.starts().length <= 2)
  })
})

describe('the ConfigMap deleted or edited by hand', () => {
  const hands: Record<string, (shop: Workshop) => Promise<unknown>> = {
    deleted: ({ site }) => site.place.kubectl(['delete', 'configmap', NAME]),
    emptied: ({ site }) =>
      site.place.kubectl(['patch', 'configmap', NAME, '--type=merge', '--patch={"data":{"holder":"","number":"1"}}']),
    'without its data': ({ site }) =>
      site.place.kubectl(['patch', 'configmap', NAME, '--type=json', `--patch=${NO_DATA}`]),
    'with another holder': ({ site }) =>
      site.place.kubectl(['patch', 'configmap', NAME, '--type=merge', `--patch=${OTHER_HOLDER}`]),
  }
  for (const [what, lend] of Object.entries(hands)) {
    test(`L8: ${what} while nothing runs, then during a run: that run counts, no overlap`, async () => {
      const shop = await openWorkshop(stage)
      await shop.rollOut('app', { replicas: 2 })
      await lend(shop)
      await shop.apply('app', { replicas: 2, revision: 2, does: 'sleep 8' })
      const { pod } = await shop.journal.untilRun(2)
      await lend(shop)
      // The controller does not watch ConfigMaps; more pods have it look while that run goes on.
      await shop.site.place.kubectl(['scale', 'deployment/app', '--replicas=4'])
      const holder = await until('the lock is settled', () => holderOf(shop, 'app'), {
        limitMs: LIMIT_MS,
        accept: (seen) => seen !== undefined && seen.pod !== NOBODY,
      })
      assert.equal(holder.pod, pod, 'it is held by that run again')
      assert.ok(!shop.journal.entries().some((entry) => entry.what === 'end' && entry.pod === pod), 'before its end')
      await shop.rolledOut('app')
      shop.journal.assertInOrder()
      assert.equal(shop.journal.starts().length, 2)
    })

    test(`L8: ${what} after a run: no pod of that revision starts its app before a success, and all goes on`, async () => {
      const shop = await openWorkshop(stage)
      await shop.rollOut('app', { replicas: 2, does: 'sleep 1' })
      await lend(shop)
      await shop.rollOut('app', { replicas: 4, does: 'sleep 1' })
      shop.journal.assertInOrder()
      // The runner's pod is still there, and tells that its revision succeeded.
      assert.equal(shop.journal.starts().length, 1)
      await shop.rollOut('app', { replicas: 4, revision: 2, does: 'sleep 1' })
      shop.journal.assertInOrder()
      assert.equal(shop.journal.starts().length, 2)
    })
  }
})

describe('many rollouts', () => {
  test('L8: records of ReplicaSets long gone are pruned, those of the newest stay', async (t) => {
    const shop = await openWorkshop(stage)
    const rollOut = (revision: number) =>
      shop.rollOut('app', { revision, change: ({ spec }) => Object.assign(spec, { revisionHistoryLimit: 2 }) })
    await rollOut(1)
    // As many rollouts as would take minutes, as they would have left them.
    const [revision = ''] = await shop.untilCompleted('app', 1)
    const entry = (await shop.lock('app')).body.data[`completed.${revision}`]
    assert.ok(entry)
    const old = Object.fromEntries(
      Array.from({ length: 100 }, (_, n) => [`completed.old${n}`, JSON.stringify({ ...JSON.parse(entry), number: 0 })]),
    )
    await shop.site.place.kubectl(['patch', 'configmap', NAME, `--patch=${JSON.stringify({ data: old })}`])
    for (let next = 2; next <= 5; next++) await rollOut(next)
    assert.equal(shop.journal.starts().length, 5)
    const { data } = (await shop.lock('app')).body
    const bytes = JSON.stringify(data).length
    t.diagnostic(`${Object.keys(data).length} keys, ${bytes} bytes`)
    const completed = await shop.completed('app')
    assert.ok(completed.length <= MOST_RECORDS, `${completed.length} records`)
    assert.ok(bytes < MOST_BYTES)
    // Its ReplicaSet is gone, its record is not: nothing runs again.
    const { stdout } = await shop.site.place.kubectl(['get', 'replicasets', '-o', 'name'])
    assert.ok(!stdout.includes(revision) && completed.includes(revision))
    await rollOut(1)
    assert.equal(shop.journal.starts().length, 5)
    shop.journal.assertInOrder()
  })
})

const NOBODY = 'nobody'
const NO_DATA = JSON.stringify([{ op: 'remove', path: '/data' }])
const OTHER_HOLDER = JSON.stringify({
  data: {
    holder: JSON.stringify({
      pod: NOBODY,
      uid: NOBODY,
      revision: 'none',
      number: 1,
      since: '2026-01-01T00:00:00Z',
    }),
  },
})
