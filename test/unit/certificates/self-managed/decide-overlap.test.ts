import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TIMES } from '../../../../src/certificates/self-managed/decide.ts'
import { type Leader, World } from '../../../support/certificates/self-managed/world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RUNS = 4_000
const LOOKS_UNTIL_SETTLED = 1_000

type Action =
  | { readonly kind: 'pass'; readonly ms: number }
  /** A look, and its write at once; the write may be lost on the way, or only its answer. */
  | { readonly kind: 'work'; readonly leader: number; readonly crash: 'no' | 'before' | 'after' }
  /** A look whose write comes later: a controller that is paused in between. */
  | { readonly kind: 'look' | 'write'; readonly leader: number }
  /** Looks as often as they come, for that long. */
  | { readonly kind: 'run'; readonly leader: number; readonly ms: number }
  | { readonly kind: 'spoil'; readonly how: 'delete' | 'lose-key' | 'garbage' | 'empty-certificate' }
  | { readonly kind: 'install'; readonly keepsBundle: boolean }

const leader = fc.nat({ max: 1 })
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), ms: time() }) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('work'), leader, crash: fc.constantFrom('no', 'before', 'after') }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('look', 'write'), leader }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('run'), leader, ms: time() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('spoil'),
      how: fc.constantFrom('delete', 'lose-key', 'garbage', 'empty-certificate'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('install'), keepsBundle: fc.boolean() }) },
)

function time(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: 1, max: 200_000 }),
    fc.constantFrom(TIMES.trustMs, TIMES.overlapMs, 61 * DAY_MS, 800 * DAY_MS),
  )
}

test('O1: whatever comes in between, no webhook serves a certificate that some API server does not trust', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(fc.array(action, { minLength: 5, maxLength: 60 }), skew(), skew(), (actions, first, second) => {
      const world = new World()
      const leaders = [first, second].map(newLeader)
      world.install(false)
      for (const each of actions) {
        carryOut(world, leaders, each)
        assert.equal(world.mismatch(), undefined, `after ${JSON.stringify(each)}; ${world.steps.join(' ')}`)
      }
      run(world, leaders[0], LOOKS_UNTIL_SETTLED * TIMES.lookMs)
      assert.equal(world.mismatch(), undefined)
      assert.ok(world.isSettled, world.steps.join(' '))
      for (const step of world.steps) seen.set(step, (seen.get(step) ?? 0) + 1)
    }),
    { numRuns: RUNS },
  )
  for (const kind of ['make-authority', 'trust', 'issue', 'drop-authorities'])
    assert.ok((seen.get(kind) ?? 0) > RUNS / 10, `${kind} happens: ${seen.get(kind)}`)
})

test('O1: a controller that looked before Secret and caBundle were lost cannot keep what it writes from being put right', () => {
  const world = new World()
  const [paused, working] = [newLeader(0), newLeader(0)]
  world.install(false)
  run(world, paused, TIMES.trustMs)
  world.install(false)
  world.look(paused)
  world.spoil('delete')
  world.look(working)
  assert.ok(world.write(working), 'a new authority')
  assert.ok(world.write(paused), 'the old one is trusted')
  assert.equal(world.isSettled, false)
  run(world, working, TIMES.lookMs)
  assert.ok(world.isSettled, world.steps.join(' '))
  assert.equal(world.mismatch(), undefined)
})

function newLeader(skewMs: number): Leader {
  return { skewMs, versions: '', sinceMs: 0, pending: undefined }
}

/** Clocks of controllers may be half a day off. */
function skew(): fc.Arbitrary<number> {
  return fc.integer({ min: -12 * HOUR_MS, max: 12 * HOUR_MS })
}

function carryOut(world: World, leaders: readonly Leader[], action: Action): void {
  if (action.kind === 'pass') world.pass(action.ms)
  if (action.kind === 'spoil') world.spoil(action.how)
  if (action.kind === 'install') world.install(action.keepsBundle)
  if (!('leader' in action)) return
  const one = leaders[action.leader]
  assert.ok(one)
  if (action.kind === 'look') world.look(one)
  if (action.kind === 'write') world.write(one)
  if (action.kind === 'run') run(world, one, action.ms)
  if (action.kind !== 'work') return
  world.look(one)
  if (action.crash === 'before') one.pending = undefined
  world.write(one)
  // A new process remembers nothing.
  if (action.crash !== 'no') Object.assign(one, { versions: '', pending: undefined })
}

/** As the manager does it: look, write, look again; at rest a look every few seconds. */
function run(world: World, one: Leader | undefined, ms: number): void {
  assert.ok(one)
  const endMs = world.nowMs + ms
  do {
    world.look(one)
    if (world.write(one)) continue
    // A long time is passed in the end, since nothing is seen meanwhile but the same.
    const looks = Math.ceil((endMs - world.nowMs) / TIMES.lookMs)
    world.pass(looks > LOOKS_UNTIL_SETTLED ? endMs - world.nowMs : TIMES.lookMs)
  } while (world.nowMs < endMs)
}
