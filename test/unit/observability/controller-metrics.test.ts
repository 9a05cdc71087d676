import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import type { ReconcileResult } from '../../../src/controller/reconcile.ts'
import { STUCK_REASONS } from '../../../src/controller/stuck-rollouts.ts'
import { NOTHING_KNOWN } from '../../../src/lock/snapshot.ts'
import { createControllerMetrics } from '../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../src/observability/lock-gauges.ts'
import { ended, KEY, podOf } from '../../support/controller/objects.ts'

const QUIET: ReconcileResult = {
  ...NOTHING_KNOWN,
  requeueAt: undefined,
  waitReason: undefined,
  isKnown: true,
  isOrphan: false,
  alsoReconcile: [],
}
const HELD_SINCE = Date.parse('2026-01-01T11:58:30Z')

/** The metrics of a controller that leads, and a way to read them. */
function leading() {
  const pods = new PodIndex()
  const lockGauges = new LockGauges(pods)
  const metrics = createControllerMetrics({
    version: '1',
    watchedPods: () => 0,
    queuedLocks: () => 0,
    lockGauges,
    stuckReasons: Object.keys(STUCK_REASONS),
  })
  metrics.leading(true)
  const series = async (name: string) => {
    const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(name))
    return Object.fromEntries(
      lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    )
  }
  return { pods, lockGauges, metrics, series }
}

describe('Waiting pods', () => {
  test('are counted by why their lock waits, with the oldest start; those that run or go on are not', async () => {
    const { pods, lockGauges, series } = leading()
    pods.put(podOf({ name: 'runs', grant: 'run 5' }))
    pods.put(podOf({ name: 'goes-on', grant: 'skip' }))
    pods.put(podOf({ name: 'pulls', state: {} }))
    pods.put(podOf({ name: 'waits' }))
    pods.put(podOf({ name: 'waits-longer', state: { running: { startedAt: '2026-01-01T11:50:00Z' } } }))
    pods.put(podOf({ name: 'waits-again', grant: 'run 4', lastState: ended(3, 'run 4') }))
    lockGauges.note(KEY, { ...QUIET, waitReason: 'running', heldSince: HELD_SINCE })
    const waiting = await series('migrate_io_waiting_pods')
    assert.equal(waiting['{reason="running"}'], 3)
    assert.equal(
      Object.values(waiting).reduce((sum, each) => sum + each),
      3,
    )
    assert.ok(Object.keys(waiting).length > 8, 'all reasons are there from the beginning')
    assert.deepEqual(await series('migrate_io_oldest_wait_start_timestamp_seconds'), {
      '{reason="running"}': Date.parse('2026-01-01T11:50:00Z') / 1000,
    })
  })

  test('are of unknown reason where a look found nothing out, and that takes away nothing else', async () => {
    const { pods, lockGauges, series } = leading()
    pods.put(podOf())
    lockGauges.note(KEY, { ...QUIET, waitReason: 'backoff', heldSince: HELD_SINCE, hasFailed: true })
    lockGauges.note(KEY, { ...QUIET, isKnown: false })
    const waiting = await series('migrate_io_waiting_pods')
    assert.deepEqual([waiting['{reason="unknown"}'], waiting['{reason="backoff"}']], [1, 0])
    assert.deepEqual(await series('migrate_io_failing_deployments'), { '': 1 })
    assert.deepEqual(await series('migrate_io_held_locks'), { '': 1 })
  })
})

test('Locks that are held, and since when the first of them', async () => {
  const { lockGauges, series } = leading()
  assert.deepEqual(await series('migrate_io_held_locks'), { '': 0 })
  assert.deepEqual(await series('migrate_io_oldest_hold_start_timestamp_seconds'), {})
  lockGauges.note(KEY, { ...QUIET, heldSince: HELD_SINCE })
  lockGauges.note({ ...KEY, deployment: 'other' }, { ...QUIET, heldSince: HELD_SINCE + 5_000 })
  assert.deepEqual(await series('migrate_io_held_locks'), { '': 2 })
  assert.deepEqual(await series('migrate_io_oldest_hold_start_timestamp_seconds'), { '': HELD_SINCE / 1000 })
  lockGauges.note(KEY, QUIET)
  assert.deepEqual(await series('migrate_io_held_locks'), { '': 1 })
})

test('A Deployment fails as long as pods of it are pending', async () => {
  const { pods, lockGauges, series } = leading()
  const pod = podOf({ state: ended(3, 'run 4') })
  pods.put(pod)
  lockGauges.note(KEY, { ...QUIET, hasFailed: true })
  assert.deepEqual(await series('migrate_io_failing_deployments'), { '': 1 })
  pods.remove(pod)
  assert.deepEqual(await series('migrate_io_failing_deployments'), { '': 0 })
})

test('Lasting waits are counted by reason, zeros included; what is no such reason makes no label', async () => {
  const { metrics, series } = leading()
  metrics.stuck(['node-lost', 'image-pull', 'node-lost', 'whatever'])
  const lasting = await series('migrate_io_lasting_waits')
  assert.deepEqual(
    [lasting['{reason="node-lost"}'], lasting['{reason="image-pull"}'], lasting['{reason="no-shell"}']],
    [2, 1, 0],
  )
  assert.ok(!('{reason="whatever"}' in lasting))
})

test('One that does not lead says so, and nothing that only the leader knows', async () => {
  const { pods, lockGauges, metrics, series } = leading()
  pods.put(podOf())
  lockGauges.note(KEY, { ...QUIET, waitReason: 'running', heldSince: HELD_SINCE, hasFailed: true })
  metrics.waiting(['running'])
  metrics.stuck(['node-lost'])
  metrics.waited(3)
  const ofLeader = ['waiting_pods', 'waiting_locks', 'lasting_waits', 'held_locks', 'failing_deployments', 'oldest_']
  for (const name of ofLeader) assert.notDeepEqual(await series(`migrate_io_${name}`), {}, name)
  metrics.leading(false)
  metrics.waited(3)
  for (const name of ofLeader) assert.deepEqual(await series(`migrate_io_${name}`), {}, name)
  assert.deepEqual(await series('migrate_io_leader'), { '': 0 })
  assert.deepEqual(await series('migrate_io_pod_wait_seconds_count'), { '': 1 })
  metrics.leading(true)
  assert.equal((await series('migrate_io_lasting_waits'))['{reason="node-lost"}'], 0, 'found out anew')
})
