import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Entry } from './journal.ts'
import { makeStage } from './stage.ts'
import { openWorkshop } from './workshop.ts'

const TRIES = 3 // the third comes some 30 s after the first: kubelet's backoff is on top of ours
/** Both runs, two rollouts, and less than the 30 s after which a lock is looked at without any event. */
const TOLD_LIMIT_SECONDS = 25
const LIMIT_MS = 180_000
const SHARED = { lock: 'database' }

const stage = await makeStage('named')

describe('Deployments that share a lock by name', () => {
  test('L5: they never overlap and take turns while one keeps failing', async (t) => {
    const { journal, ...shop } = await openWorkshop(stage)
    const tries = () => journal.starts('bad').length
    await shop.apply('bad', { replicas: 2, settings: SHARED, does: 'sleep 1; false' })
    await journal.untilEntry('it fails', ({ what, exitCode }) => what === 'end' && exitCode === 1)
    const took: number[] = []
    let revision = 0
    const from = performance.now()
    while (tries() < TRIES || revision < 4) {
      assert.ok(performance.now() - from < LIMIT_MS, `${tries()} tries of the failing one beside ${revision} rollouts`)
      revision++
      took.push(await shop.rollOut('good', { revision, settings: SHARED, does: 'sleep 1' }))
      assert.equal(journal.starts('good').length, revision, 'each rollout of the good one ran once')
    }
    t.diagnostic(`rollouts of the good one took ${took.map((each) => each.toFixed(1)).join(', ')} s`)
    journal.assertInOrder()
    const [, ...later] = journal.starts('bad')
    assert.ok(later.length >= TRIES - 1, 'the failing one had its turns')
  })

  test('L5: both are rolled out at the same time, many times: one after the other', async () => {
    const { journal, ...shop } = await openWorkshop(stage)
    for (let revision = 1; revision <= 3; revision++) {
      const options = { replicas: 2, revision, settings: SHARED, does: 'sleep 1' }
      await Promise.all(['one', 'other'].map((name) => shop.rollOut(name, options)))
    }
    journal.assertInOrder()
    assert.deepEqual([journal.starts('one').length, journal.starts('other').length], [3, 3])
  })

  test('L5: the holder is deleted and its runner uses its grace period: the other waits for its end', async () => {
    const { journal, site, ...shop } = await openWorkshop(stage)
    await shop.apply('leaving', { settings: SHARED, does: 'sleep 8' })
    const run = await journal.untilRun(1)
    await site.place.kubectl(['delete', 'deployment', 'leaving', '--wait=false'])
    const seconds = await shop.rollOut('staying', { settings: SHARED, does: 'sleep 1' })
    assert.ok(seconds < TOLD_LIMIT_SECONDS, `told of the end, not by looking again: ${seconds} s`)
    journal.assertInOrder()
    assert.deepEqual(journal.entries().map(inWords), [
      'start leaving',
      'end leaving',
      'start staying',
      'end staying',
      'app staying',
    ])
    assert.equal(journal.starts('leaving')[0]?.pod, run.pod)
  })

  test('L5: the holder is deleted and its runner killed at the end of its grace period: the other goes on', async () => {
    const { journal, site, ...shop } = await openWorkshop(stage)
    await shop.apply('leaving', { settings: SHARED, graceSeconds: 2, does: 'sleep 60' })
    await journal.untilRun(1)
    await site.place.kubectl(['delete', 'deployment', 'leaving', '--wait=false'])
    const seconds = await shop.rollOut('staying', { settings: SHARED, does: 'sleep 1' })
    assert.ok(seconds < TOLD_LIMIT_SECONDS, `told of the end, not by looking again: ${seconds} s`)
    journal.assertInOrder()
    assert.deepEqual(journal.entries().map(inWords), ['start leaving', 'start staying', 'end staying', 'app staying'])
  })
})

function inWords({ what, replicaSet }: Entry): string {
  return `${what} ${replicaSet.slice(0, replicaSet.lastIndexOf('-'))}`
}
