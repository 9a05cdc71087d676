import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { check, countStuck } from '../../support/model/check.ts'
import { lockModel } from '../../support/model/lock.ts'
import {
  NAMED_CONFIGURATIONS,
  NAMED_NEEDED,
  NAMED_RULES,
  type NamedRule,
  namedModel,
} from '../../support/model/named.ts'
import { CONFIGURATIONS, NEEDED, RULES, type Rule } from '../../support/model/rules.ts'

/** Those that take too long here are found by `npm run model`. */
const SLOW: readonly Rule[] = ['neverDown', 'evidence', 'onlyHolder', 'blankFirst', 'noteSkip']

const SLOW_NAMED: readonly NamedRule[] = ['waitForRecords', 'namedBlankFirst', 'lockInGrant']

describe('The lock protocol in every reachable state', () => {
  for (const [name, { options, isQuick }] of Object.entries(CONFIGURATIONS))
    if (isQuick)
      test(`L7, W9: no overlap and no run after the record: ${name}`, () => {
        const { states, broken } = check(lockModel(options))
        assert.equal(broken, undefined, broken?.names.join('\n'))
        assert.ok(states > 10_000, `only ${states} states`)
      })

  test('L7: success stays within reach', () => {
    const first = Object.values(CONFIGURATIONS)[0]
    assert.ok(first)
    const { stuck, example } = countStuck(lockModel(first.options))
    assert.equal(stuck, 0, JSON.stringify(example))
  })

  for (const rule of Object.keys(RULES) as Rule[])
    if (!SLOW.includes(rule))
      test(`L7, W9: it rests on this: ${RULES[rule]}`, () => {
        assert.notEqual(check(lockModel({ ...NEEDED[rule], without: rule })).broken, undefined)
      })

  for (const [name, options] of Object.entries(NAMED_CONFIGURATIONS))
    test(`L5, L7, L11: no overlap under a named lock: ${name}`, () => {
      const { broken } = check(namedModel(options))
      assert.equal(broken, undefined, broken?.names.join('\n'))
    })

  test('L5, L7: success stays within reach of both Deployments', () => {
    const [first] = Object.values(NAMED_CONFIGURATIONS)
    assert.ok(first)
    const { stuck, example } = countStuck(namedModel(first))
    assert.equal(stuck, 0, JSON.stringify(example))
  })

  for (const rule of Object.keys(NAMED_RULES) as NamedRule[])
    if (!SLOW_NAMED.includes(rule))
      test(`L5, L7, L11: a named lock rests on this: ${NAMED_RULES[rule]}`, () => {
        assert.notEqual(check(namedModel({ ...NAMED_NEEDED[rule], without: rule })).broken, undefined)
      })
})
