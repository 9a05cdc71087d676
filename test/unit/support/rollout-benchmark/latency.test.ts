import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Line, latenciesOf, summaryOf } from '../../../bench/rollout/latency.ts'
import type { Fact } from '../../../bench/rollout/trail.ts'
import { percentile } from '../../../bench/spread.ts'

const RUN = { pod: 'runner', startedMs: 1_400, endedMs: 6_000 }

const FACTS: readonly Fact[] = [
  { kind: 'running', pod: 'runner', container: 'another', atMs: 100 },
  { kind: 'running', pod: 'runner', container: 'migrate-io', atMs: 1_000 },
  { kind: 'told', pod: 'runner', grant: 'run 7', atMs: 1_080 },
  { kind: 'running', pod: 'waits', container: 'migrate-io', atMs: 2_000 },
  { kind: 'running', pod: 'reads', container: 'migrate-io', atMs: 2_100 },
  { kind: 'ended', pod: 'runner', container: 'migrate-io', atMs: 6_500 },
  { kind: 'told', pod: 'waits', grant: 'skip', atMs: 6_550 },
  { kind: 'running', pod: 'late', container: 'migrate-io', atMs: 6_600 },
]

const LINES: readonly Line[] = [
  { pod: 'runner', atMs: 940, text: 'migrate.io: waiting for the migrate.io controller' },
  { pod: 'runner', atMs: 1_350, text: 'migrate.io: run 7: starting the migration' },
  { pod: 'waits', atMs: 1_950, text: 'migrate.io: waiting: pod runner holds the lock' },
  { pod: 'waits', atMs: 6_900, text: 'migrate.io: revision 1 is already migrated: told to skip' },
  { pod: 'reads', atMs: 6_950, text: 'migrate.io: revision 1 is already migrated' },
  { pod: 'late', atMs: 6_700, text: 'migrate.io: revision 1 is already migrated' },
]

test('latencies begin with the stored state and end in the pod, with their parts', () => {
  const { start, releases } = latenciesOf('one', RUN, FACTS, LINES)
  assert.deepEqual(start, { rollout: 'one', pod: 'runner', kubeletMs: 60, grantMs: 80, wholeMs: 350 })
  assert.deepEqual(
    releases,
    [
      { rollout: 'one', pod: 'waits', kubeletMs: 500, grantMs: 50, wholeMs: 400 },
      { rollout: 'one', pod: 'reads', kubeletMs: 500, grantMs: undefined, wholeMs: 450 },
    ],
    'a pod that came later did not wait for it',
  )
})

test('a rollout in which nothing waited has no release', () => {
  const alone = LINES.filter(({ pod }) => pod === 'runner' || pod === 'late')
  assert.deepEqual(latenciesOf('one', RUN, FACTS, alone).releases, [])
})

test('percentiles are samples, by nearest rank', () => {
  const samples = Array.from({ length: 200 }, (_, index) => 200 - index)
  assert.deepEqual([percentile(samples, 50), percentile(samples, 99), percentile(samples, 100)], [100, 198, 200])
  assert.equal(percentile([5], 99), 5)
  assert.ok(Number.isNaN(percentile([], 99)))
})

test('a summary leaves out what was not measured', () => {
  assert.deepEqual(summaryOf([1, undefined, 3]), { count: 2, median: 2, p99: 3, max: 3 })
})
