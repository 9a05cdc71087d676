import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OncePer } from '../../../src/observability/once-per.ts'

test('S6: what was said is said again after its time, and of any number of texts a bounded one is remembered', () => {
  let now = 0
  const said = new OncePer(() => now, 300_000)
  assert.deepEqual([said.isDue('a'), said.isDue('a')], [true, false])
  now += 300_000
  assert.equal(said.isDue('a'), true)
  for (let nth = 0; nth < 9_999; nth++) assert.equal(said.isDue(`flood ${nth}`), true)
  assert.equal(said.isDue('a'), false, 'it is still remembered')
  for (let nth = 0; nth < 50_000; nth++) said.isDue(`more ${nth}`)
  assert.equal(said.isDue('a'), true, 'it was pushed out')
})
