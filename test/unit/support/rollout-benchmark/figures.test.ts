import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checksOf, figuresOf, longest, mistakesOf } from '../../../bench/rollout/figures.ts'
import { earlyStarts, failedRuns, mostAtOnce } from '../../../bench/rollout/judge.ts'
import type { Rollout } from '../../../bench/rollout/measure.ts'
import { textOf } from '../../../bench/rollout/report.ts'

function rollout(variant: Rollout['variant'], seconds: number, change: Partial<Rollout> = {}): Rollout {
  const runs = variant.startsWith('floor') ? 0 : 1
  const none = { busyCoresBefore: 0.1, bars: [], latencies: undefined }
  return {
    ...{ variant, kind: 'restart', replicas: 10, seconds, runs, mostAtOnce: runs, failed: 0, early: 0 },
    ...none,
    ...change,
  }
}

test('each rollout is compared with the floor of its own pace, by medians', () => {
  const rollouts = [10, 30, 12].map((seconds) => rollout('floor-rolling', seconds))
  const figures = figuresOf([...rollouts, rollout('floor-quarter', 4), rollout('ours', 18), rollout('ours-keep', 10)])
  const ratios = figures.map(({ variant, toFloor }) => [variant, toFloor])
  assert.deepEqual(ratios, [
    ['ours', 1.5],
    ['ours-keep', 2.5],
    ['floor-rolling', 1],
    ['floor-quarter', 1],
  ])
})

test('the limit of P3 is a ratio for long rollouts and some seconds for short ones', () => {
  assert.equal(longest(5, 5), 12.5)
  assert.equal(longest(5, 20).toFixed(2), '28.75')
  const figures = figuresOf([rollout('floor-rolling', 10), rollout('ours', 17.5), rollout('ours', 17.6)])
  assert.deepEqual(
    checksOf(figures, [], 5).map(({ id, measured, met }) => [id, measured, met]),
    [['P3', 17.55, false]],
  )
})

test('the judge sees runs at once, runs without an end, and apps before it', () => {
  const runs = [
    { pod: 'a', startedMs: 0, endedMs: 10 },
    { pod: 'b', startedMs: 5, endedMs: undefined },
    { pod: 'c', startedMs: 10, endedMs: 20 },
  ]
  assert.equal(mostAtOnce(runs), 2, 'the end of a is not beside the start of c')
  assert.equal(mostAtOnce([]), 0)
  assert.equal(failedRuns(runs), 1)
  const starts = [9, 10].map((atMs) => ({ pod: 'a', atMs }))
  assert.deepEqual(earlyStarts({ runs, starts }), starts.slice(0, 1))
})

test('what must never be is told for ours, and what fails for all', () => {
  assert.deepEqual(mistakesOf([rollout('article', 60, { runs: 10, mostAtOnce: 2 }), rollout('ours', 20)]), [])
  for (const change of [{ runs: 0 }, { runs: 2 }, { mostAtOnce: 2 }, { failed: 1 }, { early: 1 }])
    assert.equal(mistakesOf([rollout('ours-keep', 20, change)]).length, 1, JSON.stringify(change))
})

test('the report shows each figure in its column, and says when the machine was busy', () => {
  const rollouts = [rollout('floor-rolling', 10), rollout('ours', 18.04, { busyCoresBefore: 1.5 })]
  const figures = figuresOf(rollouts)
  const machine = {
    ...{ date: '2026-01-01', commit: 'abc', cpu: 'CPU', cores: 2, memoryMiB: 1, kernel: '6', node: 'v24', go: 'go' },
    loadBefore: 0,
  }
  const text = textOf({ machine, seconds: 5, figures, latencies: [], checks: checksOf(figures, [], 5), rollouts })
  const [head = '', ours = ''] = text.split('\n').filter((line) => /^ {2}(replicas|10 .*migrate\.io)/.test(line))
  assert.equal(ours.slice(head.indexOf('seconds'), head.indexOf('to its')).trim(), '18')
  assert.equal(ours.slice(head.indexOf('to its')).split(/\s+/)[0], '1.8')
  assert.match(text, /NOT MET {2}P3/)
  assert.match(text, /Before 1 of 2 it was much/)
})
