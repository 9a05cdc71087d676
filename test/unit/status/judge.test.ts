import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deploymentStatusOf } from '../../../src/status/status.ts'
import { podOf, replicaSetOf } from '../../support/controller/objects.ts'
import { CASES, DONE, failed, held, runner } from '../../support/status/cases.ts'
import { at, situation } from '../../support/status/objects.ts'

describe('The status of a Deployment', () => {
  for (const [what, seen, state, reason, ...says] of CASES)
    test(`${what}: ${state}, ${reason}`, () => {
      const status = deploymentStatusOf(seen, 'migrate-io')
      assert.deepEqual([status.state, status.reason], [state, reason])
      const text = [status.why, ...status.notes, ...status.whatToDo].join('\n')
      for (const each of says) assert.match(text, each)
      assert.doesNotMatch(text, /undefined|NaN/)
    })

  test('names commands as its user calls the program', () => {
    const { whatToDo } = deploymentStatusOf(situation({ record: held, pods: [runner] }), 'kubectl migrate-io')
    assert.match(whatToDo.join('\n'), /kubectl migrate-io logs web -n shop/)
  })

  test('has the figures for a script', () => {
    const status = deploymentStatusOf(
      situation({
        record: { ...held, ...failed({ next: at(-20) }) },
        pods: [runner],
        facts: { settings: { retries: 4 } },
      }),
      'migrate-io',
    )
    assert.deepEqual(status.runner, { pod: 'web-a-1', node: 'node-1', run: 5, revision: 'a', since: held.holder.since })
    assert.deepEqual(
      [status.attempt, status.maxAttempts, status.revision, status.rollout, status.since],
      [3, 5, 'a', 1, '2026-01-01T11:59:10.000Z'],
    )
    const done = deploymentStatusOf(situation({ record: DONE }), 'migrate-io')
    assert.deepEqual(done.migrated, { pod: 'web-a-1', image: 'app:1', started: at(-3660), seconds: 60, run: 3 })
    assert.equal(done.since, at(-3600))
  })

  test('a record of an earlier revision is no record of this one', () => {
    const seen = situation({ record: DONE, pods: [podOf({ name: 'web-b-1', revision: 'b' })] })
    const { state } = deploymentStatusOf(
      { ...seen, replicaSets: [replicaSetOf('a', '0'), replicaSetOf('b', '1')] },
      'migrate-io',
    )
    assert.equal(state, 'Waiting')
  })
})
