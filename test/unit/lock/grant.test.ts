import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { delayMs, nextTry } from '../../../src/lock/backoff.ts'
import { decidedNumber, decisionOn, formatGrant, marksOff, marksOn, parseGrant } from '../../../src/lock/grant.ts'
import { AUTOSCALER_MARKS } from '../../../src/names.ts'
import { NOW, podOf } from '../../support/controller/objects.ts'

describe('The grant', () => {
  test('is read as the wrapper reads it', () => {
    for (const text of [undefined, '', '\nrun 3']) assert.deepEqual(parseGrant(text), { kind: 'none' })
    assert.deepEqual(parseGrant('run 3\nwait 4'), { kind: 'run', number: 3 })
    for (const text of [
      'run 03',
      'run 3 ',
      ' run 3',
      'run',
      'run 0',
      'run -1',
      'Run 3',
      'wait x',
      'run 1234567890123456',
    ])
      assert.deepEqual(parseGrant(text), { kind: 'unreadable' }, text)
    for (const text of ['run 3', 'wait 17', 'skip']) {
      const grant = parseGrant(text)
      assert.ok(grant.kind !== 'none' && grant.kind !== 'unreadable')
      assert.equal(formatGrant(grant), text)
    }
  })

  test('L11: says in a second line under which named lock a run is', () => {
    const grant = { kind: 'run', number: 3, lock: 'database' } as const
    assert.equal(formatGrant(grant), 'run 3\nlock database')
    assert.deepEqual(parseGrant(formatGrant(grant)), grant)
    for (const text of ['run 3', 'run 3\n', 'run 3\nlock', 'run 3\nlock a b', 'run 3\n\nlock a'])
      assert.deepEqual(parseGrant(text), { kind: 'run', number: 3 }, 'nothing is said')
    assert.deepEqual(parseGrant('wait 3\nlock database'), { kind: 'wait', number: 3 })
  })

  test('L7: a number is decided once, and none below it ever again', () => {
    for (const [text, decision] of [
      ['', 'open'],
      ['wait 4', 'open'],
      ['run 4', 'open'],
      ['run 5', 'run'],
      ['wait 5', 'never'],
      ['run 6', 'never'],
      ['wait 6', 'never'],
      ['skip', 'never'],
      ['junk', 'open'],
    ] as const)
      assert.equal(decisionOn(5, parseGrant(text)), decision, text)
    assert.equal(decidedNumber(parseGrant('wait 6')), 6)
  })
})

describe('The backoff', () => {
  test('L3: 10 s, doubling to 5 min', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 2000].map(delayMs)
    assert.deepEqual(
      delays,
      [10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000),
    )
  })

  test('L3: waits for its time, and ends with migrate.io/retries', () => {
    const next = new Date(NOW + 5000).toISOString()
    assert.deepEqual(nextTry(undefined, 0, NOW), { kind: 'now' })
    assert.deepEqual(nextTry({ count: 1, exit: 1, next }, undefined, NOW), { kind: 'later', at: NOW + 5000 })
    assert.deepEqual(nextTry({ count: 1, exit: 1, next }, undefined, NOW + 5000), { kind: 'now' })
    assert.deepEqual(nextTry({ count: 2, exit: 1, next }, 2, NOW), { kind: 'later', at: NOW + 5000 })
    assert.deepEqual(nextTry({ count: 3, exit: 1, next }, 2, NOW), { kind: 'never' })
    assert.deepEqual(nextTry({ count: 1, exit: 1 }, 0, NOW), { kind: 'never' })
  })

  test('L3: a time that no backoff can have set holds nothing back', () => {
    for (const next of ['2099-01-01T00:00:00Z', 'tomorrow', ''])
      assert.deepEqual(nextTry({ count: 1, exit: 1, next }, undefined, NOW), { kind: 'now' }, next)
  })
})

describe('The marks for the autoscalers', () => {
  test('are set together, and taken off together', () => {
    const on = marksOn(podOf())
    assert.deepEqual(
      Object.keys(on).toSorted(),
      [...Object.keys(AUTOSCALER_MARKS), 'migrate.io/autoscaler-marks'].toSorted(),
    )
    const off = marksOff(podOf({ annotations: on }))
    assert.deepEqual(Object.keys(off).toSorted(), Object.keys(on).toSorted())
    assert.deepEqual(marksOff(podOf()), {})
    assert.deepEqual(marksOn(podOf({ annotations: on })), {})
  })

  test('that the user set stay as they are', () => {
    const own = { 'karpenter.sh/do-not-disrupt': 'false' }
    const on = marksOn(podOf({ annotations: own }))
    assert.equal('karpenter.sh/do-not-disrupt' in on, false)
    assert.equal('karpenter.sh/do-not-disrupt' in marksOff(podOf({ annotations: { ...own, ...on } })), false)
    const changed = { ...marksOn(podOf()), 'karpenter.sh/do-not-disrupt': 'false' }
    assert.equal('karpenter.sh/do-not-disrupt' in marksOff(podOf({ annotations: changed })), false)
    const all: Record<string, string> = { ...AUTOSCALER_MARKS }
    assert.deepEqual(marksOn(podOf({ annotations: all })), {})
  })
})
