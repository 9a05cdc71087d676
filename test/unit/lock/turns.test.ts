import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from '../../../src/lock/waiters.ts'

test('L5: those that wait for a lock are known by lock and by namespace, longest first', () => {
  const turns = new Turns()
  turns.wait('shop/database', 'shop/a')
  turns.wait('shop/database', 'shop/b')
  turns.wait('shop/files', 'shop/c')
  turns.wait('shop-2/database', 'shop-2/d')
  assert.deepEqual(turns.waitingFor('shop/database'), ['shop/a', 'shop/b'])
  assert.deepEqual(turns.waitingIn('shop'), ['shop/a', 'shop/b', 'shop/c'])
  assert.deepEqual([turns.isNext('shop/database', 'shop/a'), turns.isNext('shop/database', 'shop/b')], [true, false])
  turns.leave('shop/a')
  assert.deepEqual(turns.waitingIn('shop'), ['shop/b', 'shop/c'])
  assert.deepEqual(turns.waitingIn('elsewhere'), [])
})
