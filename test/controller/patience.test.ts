import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Patience } from '../../src/controller/patience.ts'

test('a Deployment controller that does not catch up is asked after 1, 2 and then every 5 seconds', () => {
  const patience = new Patience()
  const after = (key: string) => patience.after(key, 'rollout-unsettled')
  assert.deepEqual(
    Array.from({ length: 4 }, () => after('shop/web')),
    [1_000, 2_000, 5_000, 5_000],
  )
  assert.equal(after('shop/other'), 1_000)
  assert.equal(patience.after('shop/web', 'running'), 0)
  assert.equal(after('shop/web'), 1_000, 'from the beginning')
})
