import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Waiters } from '../../../src/lock/waiters.ts'

test('L5: those that wait for a lock are known by lock and by namespace, longest first', () => {
  const waiters = new Waiters()
  waiters.wait('shop/database', 'shop/a')
  waiters.wait('shop/database', 'shop/b')
  waiters.wait('shop/files', 'shop/c')
  waiters.wait('shop-2/database', 'shop-2/d')
  assert.deepEqual(waiters.waitingFor('shop/database'), ['shop/a', 'shop/b'])
  assert.deepEqual(waiters.waitingIn('shop'), ['shop/a', 'shop/b', 'shop/c'])
  assert.deepEqual(
    [waiters.isNext('shop/database', 'shop/a'), waiters.isNext('shop/database', 'shop/b')],
    [true, false],
  )
  waiters.leave('shop/a')
  assert.deepEqual(waiters.waitingIn('shop'), ['shop/b', 'shop/c'])
  assert.deepEqual(waiters.waitingIn('elsewhere'), [])
})
