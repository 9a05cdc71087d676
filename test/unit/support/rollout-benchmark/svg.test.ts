import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barsOf } from '../../../bench/rollout/bars.ts'
import { svgOf, ticks } from '../../../bench/rollout/svg.ts'
import type { Fact } from '../../../bench/rollout/trail.ts'

const ASKED_MS = 100_000

const FACTS: readonly Fact[] = [
  { kind: 'bound', pod: 'shop-1-late', atMs: 107_000 },
  { kind: 'bound', pod: 'shop-1-runs', atMs: 100_500 },
  { kind: 'ready', pod: 'shop-1-runs', atMs: 108_000 },
  { kind: 'ready', pod: 'shop-1-late', atMs: 110_000 },
  { kind: 'ready', pod: 'shop-1-late', atMs: 115_000 },
]
const RUNS = [{ pod: 'shop-1-runs', startedMs: 102_000, endedMs: 107_000 }]

test('a bar has what its pod did, in seconds since the request; the oldest is first', () => {
  assert.deepEqual(barsOf(['shop-1-late', 'shop-1-runs'], RUNS, FACTS, ASKED_MS), [
    { pod: 'shop-1-runs', from: 0.5, migrating: { from: 2, to: 7 }, ready: 8 },
    { pod: 'shop-1-late', from: 7, migrating: undefined, ready: 10 },
  ])
})

test('a time line has a row for each pod, phases one after the other, and all inside of it', () => {
  const bars = barsOf(['shop-1-late', 'shop-1-runs'], RUNS, FACTS, ASKED_MS)
  const svg = svgOf({ title: 'a <title> & more', bars, done: 10, until: 20 })
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 (\d+) (\d+)"/)
  assert.ok(svg.includes('a &lt;title&gt; &amp; more') && !svg.includes('<title> '))
  const rows = Map.groupBy(rects(svg), ({ y }) => y)
  const [, runs = [], late = []] = [...rows.values()] // the first is the legend
  assert.deepEqual(
    runs.map(({ phase }) => phase),
    ['waiting', 'migrating', 'waiting', 'ready'],
  )
  assert.deepEqual(
    late.map(({ phase }) => phase),
    ['waiting', 'ready'],
  )
  const [first] = runs
  const migrating = runs[1]
  assert.ok(first && migrating)
  assert.equal(migrating.width / first.width, 5 / 1.5)
  for (const [index, { x, width }] of runs.slice(0, -1).entries())
    assert.ok(Math.abs(x + width - (runs[index + 1]?.x ?? 0)) < 0.2, 'no gap')
  const opened = svg.match(/<[a-z]+[^>]*[^/]>/g)?.length
  assert.equal(opened, svg.match(/<\/[a-z]+>/g)?.length, 'each element is closed')
})

test('the axis is marked in steps that people count in', () => {
  assert.deepEqual(ticks(9.5), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(ticks(61), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60])
  assert.ok(ticks(5_000).length <= 14)
})

function rects(svg: string) {
  const pattern = /<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"/g
  return [...svg.matchAll(pattern)].map(([, phase, x, y, width]) => ({
    phase,
    x: Number(x),
    y: Number(y),
    width: Number(width),
  }))
}
