import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { ours } from '../../support/node/site.ts'
import { lasted, length } from '../../support/runner/full-length.ts'
import { Choices } from '../../support/simulation/random.ts'
import { until } from '../../support/until.ts'

/** Three times the figure of O4. */
const BACK_LIMIT_MS = 3 * 5_000
const KUBELET_LIMIT_MS = 60_000 // it reports again up to 10 s after the API server's return

const stage = await makeStage('outage')
const { cluster } = stage

/** Milliseconds from when the API server shows the run's end to its record. */
async function untilRecorded({ podNamed, completed }: Workshop, runner: string): Promise<number> {
  const shown = async () => {
    const pod = await podNamed(runner)
    return pod !== undefined && ours(pod)?.state?.terminated !== undefined
  }
  await until('kubelet has reported the end', shown, { limitMs: KUBELET_LIMIT_MS, intervalMs: 20 })
  const atMs = performance.now()
  const recorded = async () => (await completed('app')).length > 0
  await until('the run is recorded', recorded, { limitMs: BACK_LIMIT_MS, intervalMs: 20 })
  return Math.round(performance.now() - atMs)
}

describe('the API server is away', () => {
  test('O4: while a migration runs and ends: it counts, nothing runs again', async (t) => {
    const shop = await openWorkshop(stage)
    await shop.apply('app', { replicas: 3, does: 'sleep 3' })
    const { pod } = await shop.journal.untilRun(1)
    const from = Date.now()
    await cluster.stop('kube-apiserver')
    await shop.journal.untilEntry('the run ends', ({ what }) => what === 'end')
    await lasted(from, length.outageMs)
    await cluster.start('kube-apiserver')
    t.diagnostic(`recorded ${await untilRecorded(shop, pod)} ms after kubelet had reported the end`)
    await shop.rolledOut('app')
    shop.journal.assertInOrder()
    assert.equal(shop.journal.starts().length, 1)
  })

  test('O4: etcd hangs while a migration runs and ends: it counts, nothing runs again', async (t) => {
    const shop = await openWorkshop(stage)
    await shop.apply('app', { replicas: 3, does: 'sleep 8' })
    const { pod } = await shop.journal.untilRun(1)
    const from = Date.now()
    cluster.pause('etcd')
    try {
      await shop.journal.untilEntry('the run ends', ({ what }) => what === 'end')
      await lasted(from, length.outageMs)
    } finally {
      cluster.resume('etcd')
    }
    t.diagnostic(`recorded ${await untilRecorded(shop, pod)} ms after kubelet had reported the end`)
    await shop.rolledOut('app')
    shop.journal.assertInOrder()
    assert.equal(shop.journal.starts().length, 1)
  })

  test('O4: restarted at any time during rollouts: each revision runs once', async (t) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
    t.diagnostic(`SEED=${seed}`)
    const choices = new Choices(seed)
    const shop = await openWorkshop(stage)
    for (let revision = 1; revision <= 3; revision++) {
      await shop.apply('app', { replicas: 2, revision, does: 'sleep 1' })
      for (let restart = 0; restart < 2; restart++) {
        // A moment, not a wait: it is to be met in the midst of whatever goes on.
        await pause(choices.below(1_500))
        await cluster.restart('kube-apiserver')
      }
      await shop.rolledOut('app')
      shop.journal.assertInOrder()
      assert.equal(shop.journal.starts().length, revision)
    }
    assert.equal((await shop.untilCompleted('app', 3)).length, 3)
  })
})
