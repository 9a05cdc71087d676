import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import { STUCK_REASONS } from '../../../src/controller/stuck-rollouts.ts'
import { createControllerMetrics } from '../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../src/observability/lock-gauges.ts'
import { createWebhookMetrics } from '../../../src/observability/webhook-metrics.ts'
import { alertOperands, dashboardExpressions, readPanels } from '../../support/monitoring/expressions.ts'

/** Of API servers, as Kubernetes documents it. */
const OF_OTHERS = ['apiserver_admission_webhook_rejection_count']

const described = [
  createControllerMetrics({
    version: '1',
    watchedPods: () => 0,
    queuedLocks: () => 0,
    lockGauges: new LockGauges(new PodIndex()),
    stuckReasons: Object.keys(STUCK_REASONS),
  }),
  createWebhookMetrics({ version: '1', isReady: () => true }),
].flatMap((metrics) => metrics.describe())

test('every metric in dashboard and alerts exists, and is asked only for labels that it has', () => {
  const known = new Map(described.map(({ name, labels }) => [name, labels]))
  for (const { where, expr } of [...dashboardExpressions(), ...alertOperands()]) {
    const uses = [...expr.matchAll(/\b((?:migrate_io|process|apiserver)_\w+)(?:\{([^}]*)\})?/g)]
    assert.ok(uses.length > 0, where)
    for (const [, full = '', selectors = ''] of uses) {
      if (OF_OTHERS.includes(full)) continue
      const name = known.has(full) ? full : full.replace(/_(bucket|sum|count)$/, '')
      const labels = known.get(name)
      assert.ok(labels, `${where}: there is no ${full}`)
      for (const [, label = ''] of selectors.matchAll(/(\w+)\s*[=!]~?"/g))
        assert.ok(labels.includes(label), `${where}: ${full} has no label ${label}`)
    }
  }
})

test('every metric is named by the conventions: base units, _total on counters alone', () => {
  for (const { name, type, help } of described) {
    assert.match(name, /^(migrate_io|process|nodejs)_[a-z_]+$/)
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.doesNotMatch(name, /(_ms|millis|minutes|hours|_kb|_mb|percent)/, name)
    assert.match(help, /^[A-Z0-9].*\.$/, name)
  }
})

test('panels have a title and say what they show; none covers another', () => {
  const panels = readPanels()
  const titles = panels.map(({ title }) => title)
  assert.equal(new Set(titles).size, titles.length)
  const taken = new Set<string>()
  for (const { type, title, description = '', gridPos } of panels) {
    if (type !== 'row') assert.match(description, /^.{10,200}\.$/, title)
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), title)
        taken.add(`${x} ${y}`)
      }
  }
})
