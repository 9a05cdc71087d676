import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasTooManyValues, isTooDeep } from '../../../src/webhook/bodies.ts'

const MANY = `[${'0,'.repeat(401_000)}0]`

test('S4: strings of any content and length end where JSON says, so that what follows them is counted', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\\"]{0,200}$/)), fc.nat(150), (string, padding) => {
      const text = JSON.stringify(`${'x'.repeat(padding)}${string}`)
      assert.equal(hasTooManyValues(Buffer.from(`[${text},${MANY}]`)), true)
      assert.equal(hasTooManyValues(Buffer.from(`[${text},${JSON.stringify(MANY)},${text}]`)), false)
    }),
    { numRuns: 60 },
  )
})

test('S4: text that is no JSON is looked at without an end or a fault', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => hasTooManyValues(bytes) === false))
  for (const text of ['"', '"\\', `"${'x'.repeat(70)}`, `"${'x'.repeat(70)}\\`, `"${'\\'.repeat(71)}"`]) {
    assert.equal(hasTooManyValues(Buffer.from(text)), false)
  }
})

test('A11: how deep is too deep', () => {
  const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)
  assert.deepEqual([isTooDeep(nested(900)), isTooDeep(nested(1_100)), isTooDeep(nested(100_000))], [false, true, true])
  for (const flat of [null, 1, 'text', undefined, {}]) assert.equal(isTooDeep(flat), false)
})
