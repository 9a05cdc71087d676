import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import {
  annotate,
  asStored,
  at,
  copies,
  deepFreeze,
  flask,
  put,
  stored,
  withoutRecord,
} from '../../support/injection/objects.ts'

const rolling = (maxSurge: Json, maxUnavailable: Json) => ({
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge, maxUnavailable },
})
const DEFAULT = rolling('25%', '25%')
const ARTICLE = rolling(1, 1)
const SINGLE = rolling(1, 0)
const RECREATE = { type: 'Recreate' }

const INJECTED = 'migrate.io/injected'
const MODE = 'migrate.io/strategy'
const COMMAND = 'migrate.io/command'
const TIMEOUT = 'migrate.io/timeout'
const IMAGE = ['spec', 'template', 'spec', 'containers', 0, 'image']

const create = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
const warnings = (object: JsonObject) => decideInjection({ object, optedIn: true }).warnings.join('\n')
const update = (before: JsonObject, now: JsonObject) =>
  stored(decideInjection({ object: deepFreeze(now), oldObject: deepFreeze(asStored(before)), optedIn: true }))
const strategyOf = (object: JsonObject) => at(object, 'spec', 'strategy')
const deadlineOf = (object: JsonObject) => at(object, 'spec', 'progressDeadlineSeconds')
const withStrategy = (strategy: Json | undefined, replicas: Json | undefined, mode?: string) =>
  put(put(annotate(flask(), { [MODE]: mode }), ['spec', 'replicas'], replicas), ['spec', 'strategy'], strategy)
/** A stored object that the API server gave its default. */
const flaskWith = (strategy: Json, replicas = 3) => withStrategy(strategy, replicas)
const bare = (object: JsonObject) => annotate(object, { [COMMAND]: undefined, [MODE]: undefined, [TIMEOUT]: undefined })

type Row = readonly [
  what: string,
  states: Json | undefined,
  replicas: Json | undefined,
  mode: string | undefined,
  stored: Json | undefined,
  warned: boolean,
]

const TABLE: readonly Row[] = [
  ['none', undefined, 3, undefined, ARTICLE, false],
  ['null', null, 3, undefined, ARTICLE, false],
  ['empty', {}, 3, undefined, ARTICLE, false],
  ['the default', DEFAULT, 3, undefined, ARTICLE, false],
  ['the default by type only', { type: 'RollingUpdate' }, 3, undefined, ARTICLE, false],
  ['none, 2 replicas', undefined, 2, undefined, ARTICLE, false],
  ['none, 1 replica', undefined, 1, undefined, SINGLE, false],
  ['none, 0 replicas', undefined, 0, undefined, SINGLE, false],
  ['none, no replicas', undefined, undefined, undefined, SINGLE, false],
  ['none, replicas null', undefined, null, undefined, SINGLE, false],
  ['the default, 1 replica', DEFAULT, 1, undefined, SINGLE, false],
  ["the article's", ARTICLE, 3, undefined, ARTICLE, false],
  ["the article's, 1 replica", ARTICLE, 1, undefined, ARTICLE, true],
  ['1/0, 1 replica', SINGLE, 1, undefined, SINGLE, false],
  ['1/0', SINGLE, 3, undefined, SINGLE, true],
  ['own numbers', rolling(3, 2), 3, undefined, rolling(3, 2), true],
  ['own percentages', rolling('50%', 0), 3, undefined, rolling('50%', 0), true],
  ['maxSurge 0', rolling(0, 1), 3, undefined, rolling(0, 1), true],
  ['maxSurge 0, 1 replica', rolling(0, 1), 1, undefined, rolling(0, 1), true],
  ['one number of two', { rollingUpdate: { maxSurge: 4 } }, 3, undefined, { rollingUpdate: { maxSurge: 4 } }, true],
  ['Recreate', RECREATE, 3, undefined, RECREATE, true],
  ['Recreate, 1 replica', RECREATE, 1, undefined, RECREATE, true],

  ['none, rolling', undefined, 3, 'rolling', ARTICLE, false],
  ['the default, rolling', DEFAULT, 3, 'rolling', ARTICLE, false],
  ['own numbers, rolling', rolling(3, 2), 3, 'rolling', ARTICLE, false],
  ['maxSurge 0, rolling', rolling(0, 1), 3, 'rolling', ARTICLE, false],
  ['Recreate, rolling', RECREATE, 3, 'rolling', ARTICLE, false],
  ['Recreate, rolling, 1 replica', RECREATE, 1, 'rolling', SINGLE, false],
  ["the article's, rolling, 1 replica", ARTICLE, 1, 'rolling', SINGLE, false],
  ['own numbers, rolling, 0 replicas', rolling(3, 2), 0, 'rolling', SINGLE, false],

  ['none, keep', undefined, 3, 'keep', undefined, false],
  ['the default, keep', DEFAULT, 3, 'keep', DEFAULT, false],
  ['the default, keep, 1 replica', DEFAULT, 1, 'keep', DEFAULT, false],
  ['own numbers, keep', rolling(3, 2), 3, 'keep', rolling(3, 2), false],
  ['Recreate, keep', RECREATE, 3, 'keep', RECREATE, false],
  ['1/1, keep, 1 replica', ARTICLE, 1, 'keep', ARTICLE, false],
]

suite('A7: what is stored for the strategy that the manifest states', () => {
  for (const [what, states, replicas, mode, expected, warned] of TABLE) {
    const object = withStrategy(states, replicas, mode)
    const injected = create(object)

    test(`A7: ${what}`, () => {
      assert.deepEqual(strategyOf(injected), expected)
      assert.equal(/spec\.strategy/.test(warnings(object)), warned, warnings(object))
    })

    test(`A7: ${what}: again, and kept by any update`, () => {
      assert.deepEqual(strategyOf(create(injected)), expected)
      assert.deepEqual(strategyOf(update(injected, annotate(injected, { other: 'x' }))), expected)
      assert.deepEqual(strategyOf(update(injected, put(injected, IMAGE, 'app:2'))), expected)
    })

    test(`A7: ${what}: restored on removal, and when the manifest is sent without the annotation`, () => {
      const restored = states ?? undefined
      assert.deepEqual(strategyOf(update(injected, bare(injected))) ?? undefined, restored)
      assert.deepEqual(strategyOf(update(injected, bare(object))) ?? undefined, restored)
      assert.deepEqual(at(update(injected, bare(injected)), 'metadata', 'annotations', INJECTED), undefined)
      // Asked again in the same request, because another webhook changed something.
      const once = update(injected, bare(injected))
      assert.deepEqual(update(injected, once), once)
    })
  }
})

suite('A7: what comes later', () => {
  test('A7: from 1 to 3 replicas by an update', () => {
    const injected = create(flaskWith(DEFAULT, 1))
    assert.deepEqual(strategyOf(injected), SINGLE)
    const scaled = update(injected, put(injected, ['spec', 'replicas'], 3))
    assert.deepEqual(strategyOf(scaled), ARTICLE)
    assert.deepEqual(update(injected, scaled), scaled, 'reinvocation')
    assert.deepEqual(strategyOf(update(scaled, bare(scaled))), DEFAULT)
  })

  test('A7: from 3 to 1 replica by an update', () => {
    const injected = create(flaskWith(DEFAULT, 3))
    const scaled = update(injected, put(injected, ['spec', 'replicas'], 1))
    assert.deepEqual(strategyOf(scaled), SINGLE)
    assert.deepEqual(update(injected, scaled), scaled, 'reinvocation')
    assert.deepEqual(strategyOf(update(scaled, bare(scaled))), DEFAULT)
  })

  test('A7: scaled where nobody is asked: left alone by unrelated updates, computed anew by the next of ours', () => {
    const injected = create(flaskWith(DEFAULT, 3))
    const scaled = put(injected, ['spec', 'replicas'], 1)
    assert.deepEqual(strategyOf(update(scaled, annotate(scaled, { other: 'x' }))), ARTICLE)
    assert.deepEqual(strategyOf(update(scaled, put(scaled, ['spec', 'paused'], true))), ARTICLE)
    for (const change of [put(scaled, IMAGE, 'app:2'), annotate(scaled, { 'migrate.io/retries': '2' })])
      assert.deepEqual(strategyOf(update(scaled, change)), SINGLE)
    assert.deepEqual(strategyOf(update(scaled, bare(scaled))), DEFAULT)
  })

  test('A7: the user states another strategy later', () => {
    const injected = create(flaskWith(DEFAULT))
    const own = update(injected, put(injected, ['spec', 'strategy'], rolling(2, 0)))
    assert.deepEqual(strategyOf(own), rolling(2, 0))
    assert.deepEqual(update(injected, own), own, 'reinvocation')
    assert.deepEqual(strategyOf(update(own, bare(own))), rolling(2, 0))
    const back = update(own, put(own, ['spec', 'strategy'], DEFAULT))
    assert.deepEqual(strategyOf(back), ARTICLE)
    assert.deepEqual(update(own, back), back, 'reinvocation')
    assert.deepEqual(strategyOf(update(back, bare(back))), DEFAULT)
  })

  test('A7: the user states another strategy in the update that removes the annotation', () => {
    const injected = create(flaskWith(DEFAULT))
    assert.deepEqual(strategyOf(update(injected, put(bare(injected), ['spec', 'strategy'], RECREATE))), RECREATE)
    assert.deepEqual(
      strategyOf(update(injected, put(bare(injected), ['spec', 'strategy'], rolling(2, 0)))),
      rolling(2, 0),
    )
  })

  test('A7: rolling, then no longer: what the manifest states comes back, with the injection as without', () => {
    for (const own of [rolling(3, 2), RECREATE]) {
      const injected = create(withStrategy(own, 3, 'rolling'))
      assert.deepEqual(strategyOf(injected), ARTICLE)
      const without = update(injected, annotate(injected, { [MODE]: undefined }))
      assert.deepEqual(strategyOf(without), own)
      assert.deepEqual(update(injected, without), without, 'reinvocation')
      assert.deepEqual(strategyOf(update(without, bare(without))), own)
      assert.deepEqual(strategyOf(update(injected, annotate(injected, { [MODE]: 'keep' }))), own)
    }
  })

  test('A7: under rolling the user states numbers of which one is what is stored: both are theirs', () => {
    const injected = create(withStrategy(DEFAULT, 3, 'rolling'))
    const own = update(injected, put(injected, ['spec', 'strategy'], rolling(0, 1)))
    assert.deepEqual(strategyOf(own), ARTICLE)
    assert.deepEqual(strategyOf(update(own, annotate(own, { [MODE]: undefined }))), rolling(0, 1))
  })

  test('A7: under rolling the user goes from Recreate back to numbers: no mixture of the two comes back', () => {
    const recreate = create(withStrategy(RECREATE, 3, 'rolling'))
    for (const own of [DEFAULT, rolling(3, 2)]) {
      const back = update(recreate, put(recreate, ['spec', 'strategy'], own))
      assert.deepEqual(strategyOf(back), ARTICLE)
      assert.deepEqual(strategyOf(update(back, bare(back))), own)
    }
  })

  test('A7: rolling or keep is set later', () => {
    const injected = create(withStrategy(rolling(3, 2), 3))
    const forced = update(injected, annotate(injected, { [MODE]: 'rolling' }))
    assert.deepEqual(strategyOf(forced), ARTICLE)
    assert.deepEqual(update(injected, forced), forced, 'reinvocation')
    assert.deepEqual(strategyOf(update(forced, bare(forced))), rolling(3, 2))
    const article = create(flaskWith(DEFAULT))
    assert.deepEqual(strategyOf(update(article, annotate(article, { [MODE]: 'keep' }))), DEFAULT)
  })

  test('A7: the annotation is taken off and put on again', () => {
    const first = create(flaskWith(DEFAULT))
    const off = update(first, bare(first))
    const on = update(off, annotate(off, { [COMMAND]: 'flask db upgrade' }))
    assert.deepEqual(strategyOf(on), ARTICLE)
    assert.deepEqual(strategyOf(update(on, bare(on))), DEFAULT)
  })
})

suite('A7: a timeout above progressDeadlineSeconds', () => {
  const HOUR = 3600
  const ROWS: readonly (readonly [states: Json | undefined, timeout: string, stored: Json | undefined])[] = [
    [undefined, '90s', undefined],
    [undefined, '10m', undefined],
    [undefined, '601s', 601 + 600],
    [undefined, '1h', HOUR + 600],
    [null, '1h', HOUR + 600],
    [600, '1h', HOUR + 600],
    [60, '2m', 120 + 600],
    [3600, '1h', 3600],
    [7200, '1h', 7200],
  ]
  for (const [states, timeout, expected] of ROWS)
    test(`A7: deadline ${states}, timeout ${timeout}: ${expected}`, () => {
      const object = put(annotate(flask(), { [TIMEOUT]: timeout }), ['spec', 'progressDeadlineSeconds'], states)
      const injected = create(object)
      assert.equal(deadlineOf(injected), expected)
      assert.equal(/progressDeadlineSeconds/.test(warnings(object)), expected !== states)
      assert.deepEqual(create(injected), injected)
      assert.equal(deadlineOf(update(injected, bare(injected))) ?? undefined, states ?? undefined)
      const without = update(injected, annotate(injected, { [TIMEOUT]: undefined }))
      assert.equal(deadlineOf(without) ?? undefined, states ?? undefined)
      assert.deepEqual(update(injected, without), without, 'reinvocation')
    })

  const hour = create(put(annotate(flask(), { [TIMEOUT]: '1h' }), ['spec', 'progressDeadlineSeconds'], 600))

  test('A7: the timeout changes: the deadline follows, and what the user stated stays known', () => {
    const longer = update(hour, annotate(hour, { [TIMEOUT]: '2h' }))
    assert.equal(deadlineOf(longer), 7200 + 600)
    assert.deepEqual(update(hour, longer), longer, 'reinvocation')
    const short = update(longer, annotate(longer, { [TIMEOUT]: '5m' }))
    assert.equal(deadlineOf(short), 600)
    assert.equal(deadlineOf(update(longer, bare(longer))), 600)
  })

  test('A7: a deadline that the user states later holds where it suffices', () => {
    const own = update(hour, put(hour, ['spec', 'progressDeadlineSeconds'], 9000))
    assert.equal(deadlineOf(own), 9000)
    assert.equal(deadlineOf(update(own, bare(own))), 9000)
  })

  test('A7: a deadline that the user states in the update that removes the timeout or the command', () => {
    const changed = put(hour, ['spec', 'progressDeadlineSeconds'], 900)
    assert.equal(deadlineOf(update(hour, annotate(changed, { [TIMEOUT]: undefined }))), 900)
    assert.equal(deadlineOf(update(hour, bare(changed))), 900)
  })
})

suite('A7: rollout undo brings old annotations back, and leaves the strategy as it is', () => {
  /** As `kubectl rollout undo` does it: template and annotations of the revision, all else of the stored object. */
  const undo = (now: JsonObject, revision: JsonObject) =>
    put(put(now, ['spec', 'template'], at(revision, 'spec', 'template')), ['metadata', 'annotations'], {
      ...(at(revision, 'metadata', 'annotations') as JsonObject),
    })

  const bareRevision = put(annotate(flask({}), { other: 'x' }), ['spec', 'strategy'], DEFAULT)
  const injectedRevision = update(
    bareRevision,
    put(annotate(bareRevision, { [COMMAND]: 'flask db upgrade', [TIMEOUT]: '1h' }), IMAGE, 'app:2'),
  )
  const nextRevision = update(injectedRevision, put(injectedRevision, IMAGE, 'app:3'))

  test('A7: to a bare revision: nothing of ours stays, and the strategy is restored', () => {
    const undone = update(nextRevision, undo(nextRevision, bareRevision))
    assert.deepEqual(undone, bareRevision)
    assert.deepEqual(update(nextRevision, undone), undone, 'reinvocation')
  })

  test('A7: to an injected revision: its template, and the strategy is restored later', () => {
    const undone = update(nextRevision, undo(nextRevision, injectedRevision))
    assert.deepEqual(withoutRecord(undone), withoutRecord(injectedRevision))
    assert.deepEqual(strategyOf(update(undone, bare(undone))), DEFAULT)
    assert.deepEqual(deadlineOf(update(undone, bare(undone))), undefined)
  })

  test('A7: from a bare revision to an injected one: the strategy is what the user states by now', () => {
    for (const [own, expected] of [
      [DEFAULT, ARTICLE],
      [rolling(3, 2), rolling(3, 2)],
      [RECREATE, RECREATE],
    ] as const) {
      const off = update(nextRevision, put(bare(nextRevision), ['spec', 'strategy'], own))
      const undone = update(off, undo(off, injectedRevision))
      assert.deepEqual(at(undone, 'spec', 'template'), at(injectedRevision, 'spec', 'template'))
      assert.equal(copies(undone).length, 1)
      assert.deepEqual(strategyOf(undone), expected)
      assert.equal(deadlineOf(undone), 3600 + 600)
      assert.deepEqual(update(off, undone), undone, 'reinvocation')
      assert.deepEqual(strategyOf(update(undone, bare(undone))), own)
    }
  })

  test('A7: what the record of the past says of the strategy does not count', () => {
    const own = update(
      nextRevision,
      annotate(put(nextRevision, ['spec', 'strategy'], rolling(3, 2)), { [MODE]: 'rolling' }),
    )
    assert.deepEqual(strategyOf(own), ARTICLE)
    const undone = update(own, undo(own, bareRevision))
    assert.deepEqual(strategyOf(undone), rolling(3, 2))
    const injected = update(own, undo(own, injectedRevision))
    assert.deepEqual(strategyOf(injected), rolling(3, 2), 'rolling is gone with the annotations of now')
  })

  test('A7: to a revision with a shorter timeout: the deadline is restored', () => {
    const short = update(nextRevision, annotate(put(nextRevision, IMAGE, 'app:4'), { [TIMEOUT]: '5m' }))
    const long = update(short, annotate(put(short, IMAGE, 'app:5'), { [TIMEOUT]: '2h' }))
    assert.equal(deadlineOf(short), undefined)
    assert.equal(deadlineOf(long), 7800)
    assert.equal(deadlineOf(update(long, undo(long, short))), undefined)
    assert.equal(deadlineOf(update(long, undo(long, injectedRevision))), 4200)
  })
})

suite('A7: reinvocation, where what the user states now stands behind a value of ours that stays the same', () => {
  test('A7: another strategy under rolling', () => {
    const before = create(withStrategy(DEFAULT, 3, 'rolling'))
    const once = update(before, put(before, ['spec', 'strategy'], rolling(3, 2)))
    assert.deepEqual(strategyOf(update(once, bare(once))), rolling(3, 2))
    const twice = update(before, put(once, [...IMAGE.slice(0, -1), 'env'], [{ name: 'ADDED', value: 'x' }]))
    assert.deepEqual(strategyOf(update(twice, bare(twice))), rolling(3, 2))
  })

  test('A7: the same where the second call finds nothing else changed', () => {
    const before = create(put(annotate(flask(), { [MODE]: 'rolling', [TIMEOUT]: '1h' }), ['spec', 'strategy'], DEFAULT))
    const once = update(
      before,
      put(put(before, ['spec', 'strategy'], rolling(3, 2)), ['spec', 'progressDeadlineSeconds'], 900),
    )
    const twice = update(before, once)
    assert.deepEqual(twice, once)
    assert.deepEqual(strategyOf(update(twice, bare(twice))), rolling(3, 2))
    assert.equal(deadlineOf(update(twice, bare(twice))), 900)
  })

  test('A7: another deadline below the timeout', () => {
    const before = create(put(annotate(flask(), { [TIMEOUT]: '1h' }), ['spec', 'progressDeadlineSeconds'], 600))
    const once = update(before, put(before, ['spec', 'progressDeadlineSeconds'], 900))
    assert.equal(deadlineOf(update(once, bare(once))), 900)
    const twice = update(before, put(once, [...IMAGE.slice(0, -1), 'env'], [{ name: 'ADDED', value: 'x' }]))
    assert.equal(deadlineOf(update(twice, bare(twice))), 900)
  })
})
