import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf } from '../../support/runner/ids.ts'
import type { Level } from '../../support/runner/level.ts'
import { Table } from '../../support/runner/table.ts'

const REQUIRED = { A1: ['api'], W5: ['unit', 'node'], L14: ['node', 'nightly'] } as const
const ALL: readonly Level[] = ['unit', 'api', 'node']

function table(tests: Readonly<Record<string, Level>>): Table {
  const made = new Table(REQUIRED)
  for (const [name, level] of Object.entries(tests)) made.count(name, { outcome: 'passed', level, isSuite: false })
  return made
}

function lineOf(id: string, made: Table, ran: readonly Level[]): string {
  return (
    made
      .text(ran)
      .match(new RegExp(`^${id} .*$`, 'm'))?.[0]
      .replace(/ +/g, ' ') ?? ''
  )
}

test('ids of all letters are read where the name begins with them, alone or several', () => {
  for (const letter of 'AWLSOPNU') assert.deepEqual(idsOf(`${letter}12: it works`), [`${letter}12`])
  assert.deepEqual(idsOf('L2, N11, U3: it works'), ['L2', 'N11', 'U3'])
  for (const name of [
    'it works',
    'A1 it works',
    'A1,L2: it works',
    'X1: it works',
    'A1, : it works',
    'see A1: it works',
  ])
    assert.deepEqual(idsOf(name), [], name)
})

test('an id counts as shown by a passing test of each of its levels, and of no other', () => {
  const shown = { 'A1: a': 'api', 'W5: b': 'unit', 'W5, L14: c': 'node' } as const
  assert.ok(table(shown).isGood(ALL))
  assert.equal(lineOf('W5', table(shown), ALL), 'W5 2 0 0 unit, node')
  for (const [name, level, missing] of [
    ['A1: a', 'unit', 'A1 1 0 0 api <- no test has shown it: api'],
    ['A1: a', 'node', 'A1 1 0 0 api <- no test has shown it: api'],
    ['W5: b', 'api', 'W5 2 0 0 unit, node <- no test has shown it: unit'],
  ] as const) {
    const other = table({ ...shown, [name]: level })
    assert.equal(other.isGood(ALL), false)
    assert.equal(lineOf(name.split(':')[0] ?? '', other, ALL), missing)
  }
  const [without, none] = [table({ 'A1: a': 'api', 'W5: b': 'unit' }), table({})]
  assert.equal(without.isGood(ALL), false)
  assert.equal(lineOf('W5', none, ALL), 'W5 0 0 0 unit, node <- no test has shown it: unit, node')
})

test('where a level was not run, its ids are named as not run, and the rest is enough', () => {
  const made = table({ 'A1: a': 'api', 'W5: b': 'unit' })
  const ran = ['unit', 'api'] as const
  assert.ok(made.isGood(ran))
  assert.equal(lineOf('A1', made, ran), 'A1 1 0 0 api')
  assert.equal(lineOf('W5', made, ran), 'W5 1 0 0 unit, node <- not run: node')
  assert.equal(lineOf('L14', made, ran), 'L14 0 0 0 node, nightly <- not run: node, nightly')
})

test('a nightly run asks for what has to be shown nightly, and for nothing else', () => {
  const made = table({ 'W5: b': 'nightly' })
  assert.equal(made.isGood(['nightly']), false)
  assert.equal(lineOf('L14', made, ['nightly']), 'L14 0 0 0 node, nightly <- no test has shown it: nightly')
  assert.equal(lineOf('W5', made, ['nightly']), 'W5 1 0 0 unit, node')
  assert.equal(lineOf('A1', made, ['nightly']), '')
  assert.ok(table({ 'L14: d': 'nightly' }).isGood(['nightly']))
})

test('a run of some of the tests asks for nothing, and lists what it ran', () => {
  const made = table({ 'W5: b': 'unit' })
  assert.ok(made.isGood([]))
  assert.equal(lineOf('W5', made, []), 'W5 1 0 0 unit, node')
  assert.equal(lineOf('A1', made, []), '')
  assert.equal(table({}).isGood([]), false, 'none at all is no success')
})

test('a skipped test, a failed one and a failed suite spoil it; a suite that passed shows nothing', () => {
  const shown = { 'A1: a': 'api', 'W5: b': 'unit', 'W5, L14: c': 'node' } as const
  const skipped = table(shown)
  skipped.count('A1: d', { outcome: 'skipped', level: 'unit', isSuite: false })
  assert.equal(skipped.isGood(ALL), false)
  assert.equal(lineOf('A1', skipped, ALL), 'A1 1 0 1 api <- a test of it was skipped')
  const failed = table(shown)
  failed.count('no id', { outcome: 'failed', level: 'unit', isSuite: false })
  assert.equal(failed.isGood(ALL), false)
  const suite = table({ 'W5: b': 'unit', 'W5, L14: c': 'node' })
  suite.count('A1: a', { outcome: 'passed', level: 'api', isSuite: true })
  assert.equal(suite.isGood(ALL), false)
  suite.count('A1: a', { outcome: 'failed', level: 'api', isSuite: true })
  assert.equal(lineOf('A1', suite, ALL), 'A1 0 1 0 api <- no test has shown it: api')
})
