import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InFlight } from '../../src/webhook/in-flight.ts'

test('S4: first come first served, and nobody starts without room', () => {
  const inFlight = new InFlight(10)
  const started: string[] = []
  const leaveA = inFlight.enter(6, () => started.push('a'))
  const leaveB = inFlight.enter(6, () => started.push('b'))
  const leaveC = inFlight.enter(1, () => started.push('c')) // there is room for it, but b was first
  assert.deepEqual([started, inFlight.waiting, inFlight.heldBytes], [['a'], 2, 6])
  leaveA()
  assert.deepEqual([started, inFlight.waiting, inFlight.heldBytes], [['a', 'b', 'c'], 0, 7])
  leaveB()
  leaveB()
  leaveC()
  assert.equal(inFlight.heldBytes, 0)
})

test('S4: who leaves the queue makes room for the next', () => {
  const inFlight = new InFlight(10)
  const started: string[] = []
  inFlight.enter(8, () => started.push('a'))
  const leaveB = inFlight.enter(8, () => started.push('b'))
  inFlight.enter(2, () => started.push('c'))
  leaveB()
  assert.deepEqual([started, inFlight.waiting], [['a', 'c'], 0])
})

test('S4: in any order of coming and going the limit holds, all who stay get their turn, and nothing is lost', () => {
  const LIMIT = 20
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: LIMIT }), fc.nat(30)), { minLength: 1, maxLength: 60 }),
      (steps) => {
        const inFlight = new InFlight(LIMIT)
        const order: number[] = []
        const leaves: (() => void)[] = []
        for (const [number, [bytes, leaver]] of steps.entries()) {
          leaves.push(inFlight.enter(bytes, () => order.push(number)))
          assert.ok(inFlight.heldBytes <= LIMIT)
          if (leaver < leaves.length) leaves[leaver]?.()
          assert.ok(inFlight.heldBytes <= LIMIT)
        }
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b),
        )
        for (const leave of leaves) leave()
        assert.deepEqual([inFlight.heldBytes, inFlight.waiting], [0, 0])
      },
    ),
  )
})
