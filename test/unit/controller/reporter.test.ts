import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PodIndex } from '../../../src/controller/pod-index.ts'
import { Reporter } from '../../../src/controller/reporter.ts'
import { STUCK_REASONS } from '../../../src/controller/stuck-rollouts.ts'
import { KubeError } from '../../../src/kube/api.ts'
import { failure } from '../../../src/kube/errors.ts'
import { createControllerMetrics } from '../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../src/observability/lock-gauges.ts'
import { createLogs } from '../../../src/observability/logs.ts'
import { ended, KEY, NOW, podOf } from '../../support/controller/objects.ts'

const MINUTES_MS = 60_000

/** A reporter, its clock, and what it has said in the log and the metrics. */
function reporterAt(start = NOW) {
  const lines: string[] = []
  const metrics = createControllerMetrics({
    version: '1',
    watchedPods: () => 0,
    queuedLocks: () => 0,
    lockGauges: new LockGauges(new PodIndex()),
    stuckReasons: Object.keys(STUCK_REASONS),
  })
  metrics.leading(true)
  const time = { now: start }
  const reporter = new Reporter(createLogs('info', { write: (line) => lines.push(line) }), metrics, () => time.now)
  const said = () => lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>)
  const metric = async (line: RegExp) => Number(line.exec(await metrics.text())?.[1])
  return { reporter, time, said, metric }
}

const FORBIDDEN = new KubeError('forbidden', 'get lease: 403; this needs verb "get"')
const WHAT = 'cannot read or write the Lease'

describe('A trouble that lasts', () => {
  test('is said at once, when it changes, and every 5 minutes; counted each time', async () => {
    const { reporter, time, said, metric } = reporterAt()
    const twoMinutes = (error: KubeError) => {
      for (let nth = 0; nth < 60; nth++) {
        reporter.trouble(error, WHAT)
        time.now += 2_000
      }
      return said().map(({ detail }) => detail)
    }
    assert.deepEqual(twoMinutes(FORBIDDEN), [FORBIDDEN.message])
    assert.deepEqual(twoMinutes(new KubeError('unavailable', 'no answer')), ['no answer'])
    assert.deepEqual(twoMinutes(FORBIDDEN), [FORBIDDEN.message], '5 minutes are over')
    assert.deepEqual(twoMinutes(FORBIDDEN), [])
    assert.equal(await metric(/^migrate_io_api_failures_total\{code="forbidden"\} (\d+)$/m), 180)
  })

  test('S3: is told without what the API server quotes of an object that it refuses', () => {
    const { reporter, said } = reporterAt()
    const message = 'Pod "web" is invalid: spec: Forbidden: {"env":[{"value":"hunter2"}]}'
    const causes = [{ reason: 'FieldValueForbidden', message, field: 'spec' }, { field: 'metadata.labels' }]
    const body = { kind: 'Status', code: 422, reason: 'Invalid', message, details: { name: 'web', causes } }
    const answer = { status: 422, body, contentType: 'application/json', length: 1, retryAfterMs: undefined }
    const error = failure({ verb: 'patch', kind: 'Pod', namespace: 'shop', name: 'web' }, answer)
    reporter.trouble(error, WHAT)
    reporter.event({ kind: 'problem', reason: 'refused', object: 'shop/web', detail: error.outline }, KEY)
    assert.deepEqual(
      said().map(({ detail }) => detail),
      Array.from({ length: 2 }, () => 'patch pod shop/web: 422 Invalid (spec, metadata.labels)'),
    )
    assert.match(error.message, /hunter2/, 'whoever runs a command sees what is wrong')
  })

  for (const [message, outline] of [
    [
      'configmaps is forbidden: User "us" cannot create resource "configmaps" in API group "" in the namespace "shop": RBAC: x',
      'Forbidden: User "us" cannot create resource "configmaps" in API group "" in the namespace "shop"',
    ],
    [
      'admission webhook "check.example.com" denied the request: env DB has value hunter2',
      'Forbidden: admission webhook "check.example.com" denied the request',
    ],
    [
      "pods \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: not hunter2",
      "Forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request",
    ],
    ['configmaps "x" is forbidden: exceeded quota: small, requested: 1', 'Forbidden: exceeded quota: small'],
    ['something else says hunter2', 'Forbidden'],
  ] as const)
    test(`S3: who forbids it is told, and not in whose words: ${outline}`, () => {
      const body = { kind: 'Status', code: 403, reason: 'Forbidden', message }
      const answer = { status: 403, body, contentType: 'application/json', length: 1, retryAfterMs: undefined }
      const error = failure({ verb: 'patch', kind: 'Pod', namespace: 'shop', name: 'web' }, answer)
      assert.ok(error.outline.startsWith(`patch pod shop/web: 403 ${outline}`), error.outline)
      assert.doesNotMatch(error.outline, /hunter2/)
      assert.match(error.outline, /verb "patch"/)
    })

  test('is never silenced where it is a mistake of ours', () => {
    const { reporter, said } = reporterAt()
    for (let nth = 0; nth < 2; nth++) reporter.trouble(new TypeError('x is undefined'), WHAT)
    assert.deepEqual(
      said().map(({ level }) => level),
      ['error', 'error'],
    )
  })

  test('of one lock hides none of another, nor a result', () => {
    const { reporter, said } = reporterAt()
    const problem = { kind: 'problem', reason: 'refused', object: 'o', detail: 'no' } as const
    for (const deployment of ['web', 'web', 'other']) reporter.event(problem, { ...KEY, deployment })
    assert.deepEqual(
      said().map(({ deployment }) => deployment),
      ['web', 'other'],
    )
    for (let nth = 0; nth < 2; nth++) reporter.event({ kind: 'run-started', pod: 'p', revision: 'a', number: 5 }, KEY)
    assert.equal(said().length, 2)
  })
})

describe('Why pods wait', () => {
  test('is said when it changes, and counted as long as it lasts', async () => {
    const { reporter, time, said, metric } = reporterAt()
    for (const wait of ['running', 'running', 'backoff'] as const) {
      reporter.waiting(KEY, wait)
      time.now += 10 * MINUTES_MS
    }
    assert.deepEqual(
      said().map(({ reason }) => reason),
      ['running', 'backoff'],
    )
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="backoff"\} (\d+)$/m), 1)
    reporter.waiting(KEY, undefined)
    assert.deepEqual(said(), [])
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="backoff"\} (\d+)$/m), 0)
  })

  test('is for the leader alone to say', async () => {
    const { reporter, said, metric } = reporterAt()
    reporter.waiting(KEY, 'running')
    reporter.forget()
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="running"\} (\d+)$/m), 0)
    reporter.waiting(KEY, 'running')
    assert.equal(said().length, 2, 'said anew by one that leads anew')
  })
})

test('The wait of a pod is over when it runs the migration, goes on or is gone', async () => {
  const { reporter, metric } = reporterAt(NOW)
  const waits = podOf()
  const count = () => metric(/^migrate_io_pod_wait_seconds_count (\d+)$/m)
  reporter.podChanged(waits, podOf({ annotations: { other: 'x' } }))
  reporter.podChanged(podOf({ state: {} }), waits)
  assert.equal(await count(), 0)
  for (const after of [podOf({ grant: 'run 5' }), podOf({ state: ended(0) }), undefined])
    reporter.podChanged(waits, after)
  reporter.podChanged(podOf({ grant: 'run 5' }), podOf({ grant: 'run 5', state: ended(0, 'run 5') }))
  assert.equal(await count(), 3)
  assert.equal(await metric(/^migrate_io_pod_wait_seconds_sum (\d+)$/m), 3 * 60)
})
