import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { GRANT_ANNOTATION, lockConfigMapName, namedLockConfigMapName } from '../../../src/names.ts'
import { openFlaggedWorkshop } from '../../support/lock/flagged.ts'
import { waitsFor } from '../../support/lock/flags.ts'
import type { Entry } from '../../support/lock/journal.ts'
import { sharedStage } from '../../support/lock/stage.ts'
import { type LockObject, openWorkshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const TRIES = 3 // the third comes some 30 s after the first: kubelet's backoff is on top of ours
const LIMIT_MS = 180_000
const SHARED = { lock: 'database' }

const stage = await sharedStage('named')

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

  test('L5: the holder is deleted and its runner uses its grace period: the other waits for its end', async (t) => {
    const { journal, site, ...shop } = await openWorkshop(stage)
    await shop.apply('leaving', { settings: SHARED, does: 'sleep 8' })
    const run = await journal.untilRun(1)
    await site.place.kubectl(['delete', 'deployment', 'leaving', '--wait=false'])
    const seconds = await shop.rollOut('staying', { settings: SHARED, does: 'sleep 1' })
    t.diagnostic(`the other one’s rollout took ${seconds.toFixed(1)} s`)
    await journal.untilEntry('the app has started', ({ what }) => what === 'app') // it runs before it writes
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

  test('L5: the holder is deleted and its runner killed at the end of its grace period: the other goes on', async (t) => {
    const { journal, site, ...shop } = await openWorkshop(stage)
    await shop.apply('leaving', { settings: SHARED, graceSeconds: 2, does: 'sleep 60' })
    await journal.untilRun(1)
    await site.place.kubectl(['delete', 'deployment', 'leaving', '--wait=false'])
    const seconds = await shop.rollOut('staying', { settings: SHARED, does: 'sleep 1' })
    t.diagnostic(`the other one’s rollout took ${seconds.toFixed(1)} s`)
    await journal.untilEntry('the app has started', ({ what }) => what === 'app') // it runs before it writes
    journal.assertInOrder()
    assert.deepEqual(journal.entries().map(inWords), ['start leaving', 'start staying', 'end staying', 'app staying'])
  })

  test('L11: both records lost and another lock named during a run: it keeps the lock that it was granted', async () => {
    await Promise.all([loseAll(), loseAll((grant) => grant.split('\n', 1)[0] ?? '')])
  })
})

/** @param told the grant as another version of the controller would have written it */
async function loseAll(told?: (grant: string) => string): Promise<void> {
  const { workshop, flags, options, kubectl } = await openFlaggedWorkshop(stage, { replicas: 1, settings: SHARED })
  const { journal, site, ...shop } = workshop
  await shop.apply('first', options({ does: waitsFor('go') }))
  const { pod } = await journal.untilRun(1)
  const running = await shop.podNamed(pod)
  assert.ok(running)
  const grant = running.metadata.annotations?.[GRANT_ANNOTATION] ?? ''
  assert.match(grant, /^run \d+\nlock database$/)
  if (told !== undefined) await site.grant(running, told(grant))
  await kubectl('annotate', 'deployment', 'first', 'migrate.io/lock=another', '--overwrite')
  await kubectl('delete', 'configmap', lockConfigMapName('first'), namedLockConfigMapName(SHARED.lock))
  await shop.apply('second', options({}))
  const path = `/api/v1/namespaces/${shop.name}/configmaps/${namedLockConfigMapName(SHARED.lock)}`
  const isHeld = async () =>
    (await stage.cluster.get<LockObject>(path)).body.data?.['holder']?.includes('"pod":') === true
  await until('the lost lock has a holder again', isHeld, { limitMs: LIMIT_MS })
  assert.equal(journal.starts('second').length, 0)
  flags.raise('go')
  await Promise.all(['first', 'second'].map((name) => shop.rolledOut(name)))
  journal.assertInOrder()
  assert.deepEqual([journal.starts('first').length, journal.starts('second').length], [1, 1])
}

function inWords({ what, replicaSet }: Entry): string {
  return `${what} ${replicaSet.slice(0, replicaSet.lastIndexOf('-'))}`
}
