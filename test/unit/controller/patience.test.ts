import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Patience } from '../../../src/controller/controller.ts'
import type { Look } from '../../../src/controller/reconcile.ts'
import { NOW } from '../../support/controller/objects.ts'

const look = (changes: Partial<Look>) => ({
  ...{ at: NOW + 30_000, waiting: undefined, isOrphan: false, heldSince: undefined },
  ...changes,
})

test('a Deployment controller that does not catch up is asked after 1, 2 and then every 5 seconds', () => {
  const patience = new Patience()
  const after = (key: string) => patience.after(key, look({ waiting: 'rollout-unsettled' }), NOW)
  assert.deepEqual(
    Array.from({ length: 4 }, () => after('shop/web')),
    [1_000, 2_000, 5_000, 5_000],
  )
  assert.equal(after('shop/other'), 1_000)
  assert.equal(patience.after('shop/web', look({ waiting: 'running' }), NOW), 0)
  assert.equal(after('shop/web'), 1_000, 'from the beginning')
})

test('S6: without a Deployment the next look comes after as long as it has been so: 30 s at first, half an hour at most', () => {
  const patience = new Patience()
  const orphan = look({ isOrphan: true })
  const delays: number[] = []
  let now = NOW
  for (let nth = 0; nth < 10; nth++) {
    const delay = patience.after('shop/web', orphan, now)
    delays.push(delay / 1_000)
    now += delay
  }
  assert.deepEqual(delays, [30, 30, 60, 120, 240, 480, 960, 1_800, 1_800, 1_800])
  assert.equal(patience.after('shop/other', orphan, now), 30_000)
  assert.equal(patience.after('shop/web', look({}), now), 0, 'there is one')
  assert.equal(patience.after('shop/web', orphan, now), 30_000, 'from the beginning')
})

test('S6: a lock that is held without a Deployment is looked at every five minutes at least, since others may wait', () => {
  const patience = new Patience()
  const held = look({ isOrphan: true, heldSince: NOW })
  patience.after('shop/web', held, NOW)
  assert.equal(patience.after('shop/web', held, NOW + 3_600_000), 300_000)
})
