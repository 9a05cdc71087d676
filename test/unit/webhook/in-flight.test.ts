import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Incoming, InFlight } from '../../../src/webhook/in-flight.ts'

const KIB = 1024

/** Bodies that go in and out of one InFlight, by name. */
function stage(limitBytes: number) {
  const inFlight = new InFlight(limitBytes)
  const started: string[] = []
  const ended: string[] = []
  function enter(name: string, bytes: number, more: Partial<Incoming> = {}) {
    const body = { received: 0, leave: () => {} }
    body.leave = inFlight.enter({
      bytes,
      address: '10.0.0.1',
      isKnown: false,
      start: () => void started.push(name),
      receivedBytes: () => body.received,
      cutOff() {
        ended.push(name)
        body.leave()
      },
      turnAway() {
        ended.push(name)
      },
      ...more,
    })
    return body
  }
  return { inFlight, started, ended, enter }
}

test('S4: none starts without room, and small ones do not pass a larger one whose turn it is', () => {
  const { inFlight, started, enter } = stage(10)
  const a = enter('a', 6)
  const b = enter('b', 9, { address: '10.0.0.2', isKnown: true })
  const c = enter('c', 1) // there is room for it
  assert.deepEqual([started, inFlight.waiting, inFlight.heldBytes], [['a'], 2, 6])
  a.leave()
  assert.deepEqual([started, inFlight.waiting, inFlight.heldBytes], [['a', 'b', 'c'], 0, 10])
  b.leave()
  b.leave()
  c.leave()
  assert.equal(inFlight.heldBytes, 0)
})

test('S4: who leaves the queue makes room for the next', () => {
  const { inFlight, started, enter } = stage(10)
  enter('a', 8)
  enter('b', 2)
  enter('c', 2)
  const d = enter('d', 8)
  d.leave()
  assert.deepEqual([started, inFlight.waiting], [['a', 'b'], 1])
})

test('S6: whose address holds least is let in first; of those, who is known, then the newest', () => {
  const { started, enter } = stage(10)
  const room = enter('room', 5, { address: '10.0.0.9' })
  enter('a', 2)
  enter('b', 3, { address: '10.0.0.2' })
  enter('b, known', 1, { address: '10.0.0.2', isKnown: true })
  enter('a, old', 1)
  enter('a, known', 1, { isKnown: true })
  enter('a, new', 1)
  enter('of one that holds nothing', 1, { address: '10.0.0.3' })
  assert.deepEqual(started, ['room', 'a', 'b'])
  room.leave()
  // a holds 2, then 3, as b does, then 4
  assert.deepEqual(started.slice(3), ['of one that holds nothing', 'a, known', 'b, known', 'a, new', 'a, old'])
})

test('S6: a body that is announced and does not come is cut off when others wait, at the second look', () => {
  const { inFlight, started, ended, enter } = stage(1000 * KIB)
  const never = enter('never', 700 * KIB)
  const slow = enter('slow', 200 * KIB)
  const fast = enter('fast', 100 * KIB)
  const grow = () => {
    slow.received += 10 * KIB
  }
  for (let look = 0; look < 3; look++) {
    inFlight.cutOffSlow()
    grow()
  }
  assert.deepEqual(ended, [], 'as long as there is room')

  enter('waits', 900 * KIB)
  fast.leave()
  inFlight.cutOffSlow()
  assert.deepEqual([ended, started.includes('waits')], [['never', 'slow'], true])
  assert.equal(inFlight.heldBytes, 900 * KIB)
  never.leave()
  assert.equal(inFlight.heldBytes, 900 * KIB)
})

test('S6: a body that comes is not cut off, and neither is one that has just been let in', () => {
  const { inFlight, ended, enter } = stage(7000 * KIB)
  const comes = enter('comes', 6000 * KIB)
  enter('waits', 2000 * KIB)
  for (let look = 0; look < 10; look++) {
    inFlight.cutOffSlow()
    comes.received += 200 * KIB
  }
  assert.deepEqual(ended, [])
  comes.leave()
  enter('waits too', 7000 * KIB)
  inFlight.cutOffSlow()
  assert.deepEqual(ended, [], 'at its first look')
  inFlight.cutOffSlow()
  assert.deepEqual(ended, ['waits'])
})

test('S6: of too many that wait, the last in the order is turned away', () => {
  const { inFlight, ended, enter } = stage(10)
  enter('holds', 10)
  for (let nth = 0; nth < 64; nth++) enter(`${nth}`, 1)
  assert.deepEqual([inFlight.waiting, ended], [64, []])
  enter('of another address', 1, { address: '10.0.0.2' })
  enter('known', 1, { isKnown: true })
  assert.deepEqual([inFlight.waiting, ended], [64, ['0', '1']])
})

test('S4: in any order of coming and going the limit holds, all who stay get their turn, and nothing is lost', () => {
  const LIMIT = 20
  const coming = fc.record({
    bytes: fc.integer({ min: 1, max: LIMIT }),
    address: fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
    isKnown: fc.boolean(),
    leaver: fc.nat(30),
  })
  fc.assert(
    fc.property(fc.array(coming, { minLength: 1, maxLength: 60 }), (steps) => {
      const { inFlight, started, enter } = stage(LIMIT)
      const open = new Map<string, () => void>()
      const leave = (name: string) => {
        open.get(name)?.()
        open.delete(name)
      }
      for (const [number, { bytes, leaver, ...more }] of steps.entries()) {
        open.set(`${number}`, enter(`${number}`, bytes, more).leave)
        assert.ok(inFlight.heldBytes <= LIMIT)
        leave(`${leaver}`)
        assert.ok(inFlight.heldBytes <= LIMIT)
      }
      assert.equal(new Set(started).size, started.length, 'none starts twice')
      while (open.size > 0) {
        const holder = [...open.keys()].find((name) => started.includes(name))
        assert.ok(holder !== undefined, 'someone has room, or all would wait without end')
        leave(holder)
      }
      assert.deepEqual([inFlight.heldBytes, inFlight.waiting], [0, 0])
    }),
  )
})
