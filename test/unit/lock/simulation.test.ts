import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FAULTS } from '../../support/simulation/schedule.ts'
import { runSeeds } from '../../support/simulation/shards.ts'
import { addCounts, type Result, Simulation } from '../../support/simulation/simulation.ts'

/** Ten thousand at least, by docs/requirements.md. */
const SEEDS = 10_000
/** What must really have happened in them, or they would show nothing. */
const MUST_HAPPEN = [
  ...FAULTS,
  ...['run-started', 'run-succeeded', 'run-failed', 'interrupted', 'given-up', 'skipped', 'made-anew', 'adopted'],
  ...['not-recorded'],
  ...['crash before a write', 'crash after a write', 'answer to a write lost', 'write lost on its way', 'stray call'],
  ...['write refused', 'tell refused', 'create refused', 'went on after a pause', 'trap', 'raid'],
  ...['pause before a call', 'pause after a call', 'old event', 'lost event', 'stale'],
  ...['killed as wrapper', 'killed as command', 'problem record-edited'],
] as const

describe('The controller against everything that goes wrong', () => {
  test('L7, L11, W9: in 10,000 seeds no promise is broken, and every fair schedule ends with the revision recorded', async () => {
    const shards = await runSeeds(SEEDS)
    for (const { broken } of shards)
      if (broken)
        assert.fail(
          `seed ${broken.seed}: ${broken.violation}\n${broken.history.join('\n')}\nnpm run simulate -- --seed ${broken.seed}`,
        )
    const counts = new Map<string, number>()
    for (const shard of shards) addCounts(counts, shard.counts)
    assert.equal(counts.get('ended well'), SEEDS)
    const missing = MUST_HAPPEN.filter((what) => (counts.get(what) ?? 0) < 10)
    assert.deepEqual(missing, [], 'these happened less than ten times')
  })

  test('L7: a wrapper that uses a run number again is found', async () => {
    const found = await firstBroken(2_000, (seed) => new Simulation(seed, { forgetsClaims: true }))
    assert.match(found?.violation ?? 'nothing found', /promise/)
  })

  test('W9: a wrapper that takes a number for new that it finds at its start is found', async () => {
    const found = await firstBroken(2_000, (seed) => new Simulation(seed, { ignoresFirstLook: true }))
    assert.match(found?.violation ?? 'nothing found', /promise/)
  })

  test('L7: the same seed gives the same history', async () => {
    for (const seed of [7, 4824]) {
      const [a, b] = [await new Simulation(seed).run(), await new Simulation(seed).run()]
      assert.deepEqual(a.history, b.history)
      assert.ok(a.history.length > 50)
    }
  })
})

async function firstBroken(seeds: number, make: (seed: number) => Simulation): Promise<Result | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const result = await make(seed).run()
    if (result.violation !== undefined) return result
  }
  return undefined
}
