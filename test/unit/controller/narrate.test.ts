import assert from 'node:assert/strict'
import { test } from 'node:test'
import { narrate } from '../../../src/controller/reporter.ts'

test('a run whose end nobody saw is told with what is known, and without what may not come true', () => {
  for (const [why, text] of [
    ['pod-gone', /its pod is gone/],
    ['pod-failed', /eviction/],
    ['pod-deleted', /being deleted/],
    ['stale', /started again/],
  ] as const) {
    const line = narrate({ kind: 'interrupted', pod: 'web-a-1', number: 5, why })
    assert.deepEqual([line.level, line.fields], ['warn', { kind: 'interrupted', pod: 'web-a-1', run: 5, why }])
    assert.match(line.text, text)
    assert.doesNotMatch(line.text, /again: it|runs again|will/)
  }
})

test('a failed run says what comes next', () => {
  const failed = { kind: 'run-failed', pod: 'p', revision: 'a', number: 5, exitCode: 124, count: 2 } as const
  const nextAt = Date.parse('2026-01-01T12:00:00Z')
  assert.match(narrate({ ...failed, isTimeout: false, nextAt }).text, /failed; next try at 2026-01-01T12:00:00.000Z/)
  assert.match(narrate({ ...failed, isTimeout: true, nextAt: undefined }).text, /migrate.io\/timeout; no more tries/)
})

test('S3: of what the API server says, only the beginning is told', () => {
  const problem = { kind: 'problem', reason: 'refused', object: 'o', detail: 'x'.repeat(10_000) } as const
  assert.ok(String(narrate(problem).fields['detail']).length <= 400)
})
