import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Pods } from '../../../src/controller/pods.ts'
import { Teller } from '../../../src/controller/reporter.ts'
import { LASTING } from '../../../src/controller/stuck-rollouts.ts'
import { KubeError } from '../../../src/kube/api.ts'
import { failure } from '../../../src/kube/errors.ts'
import { createControllerMetrics } from '../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../src/observability/lock-gauges.ts'
import { createLogs } from '../../../src/observability/logs.ts'
import { ended, KEY, NOW, podOf } from '../../support/controller/objects.ts'

const MINUTES_MS = 60_000

/** A teller, its clock, and what it has said in the log and the metrics. */
function tellerAt(start = NOW) {
  const lines: string[] = []
  const metrics = createControllerMetrics({
    version: '1',
    watchedPods: () => 0,
    queuedLocks: () => 0,
    lockGauges: new LockGauges(new Pods()),
    lastingReasons: Object.keys(LASTING),
  })
  metrics.leading(true)
  const time = { now: start }
  const teller = new Teller(createLogs('info', { write: (line) => lines.push(line) }), metrics, () => time.now)
  const said = () => lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>)
  const metric = async (line: RegExp) => Number(line.exec(await metrics.text())?.[1])
  return { teller, time, said, metric }
}

const FORBIDDEN = new KubeError('forbidden', 'get lease: 403; needed is verb "get"')
const WHAT = 'cannot read or write the Lease'

describe('A trouble that lasts', () => {
  test('is said at once, when it changes, and every 5 minutes; counted each time', async () => {
    const { teller, time, said, metric } = tellerAt()
    const twoMinutes = (error: KubeError) => {
      for (let nth = 0; nth < 60; nth++) {
        teller.trouble(error, WHAT)
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
    const { teller, said } = tellerAt()
    const message = 'Pod "web" is invalid: spec: Forbidden: {"env":[{"value":"hunter2"}]}'
    const causes = [{ reason: 'FieldValueForbidden', message, field: 'spec' }, { field: 'metadata.labels' }]
    const body = { kind: 'Status', code: 422, reason: 'Invalid', message, details: { name: 'web', causes } }
    const answer = { status: 422, body, contentType: 'application/json', length: 1, retryAfterMs: undefined }
    const error = failure({ verb: 'patch', kind: 'Pod', namespace: 'shop', name: 'web' }, answer)
    teller.trouble(error, WHAT)
    teller.event({ kind: 'problem', reason: 'refused', object: 'shop/web', detail: error.outline }, KEY)
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
    const { teller, said } = tellerAt()
    for (let nth = 0; nth < 2; nth++) teller.trouble(new TypeError('x is undefined'), WHAT)
    assert.deepEqual(
      said().map(({ level }) => level),
      ['error', 'error'],
    )
  })

  test('of one lock hides none of another, nor a result', () => {
    const { teller, said } = tellerAt()
    const problem = { kind: 'problem', reason: 'refused', object: 'o', detail: 'no' } as const
    for (const deployment of ['web', 'web', 'other']) teller.event(problem, { ...KEY, deployment })
    assert.deepEqual(
      said().map(({ deployment }) => deployment),
      ['web', 'other'],
    )
    for (let nth = 0; nth < 2; nth++) teller.event({ kind: 'run-started', pod: 'p', revision: 'a', number: 5 }, KEY)
    assert.equal(said().length, 2)
  })
})

describe('Why pods wait', () => {
  test('is said when it changes, and counted as long as it lasts', async () => {
    const { teller, time, said, metric } = tellerAt()
    for (const wait of ['running', 'running', 'backoff'] as const) {
      teller.look(KEY, wait)
      time.now += 10 * MINUTES_MS
    }
    assert.deepEqual(
      said().map(({ reason }) => reason),
      ['running', 'backoff'],
    )
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="backoff"\} (\d+)$/m), 1)
    teller.look(KEY, undefined)
    assert.deepEqual(said(), [])
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="backoff"\} (\d+)$/m), 0)
  })

  test('is for the leader alone to say', async () => {
    const { teller, said, metric } = tellerAt()
    teller.look(KEY, 'running')
    teller.forget()
    assert.equal(await metric(/^migrate_io_waiting_locks\{reason="running"\} (\d+)$/m), 0)
    teller.look(KEY, 'running')
    assert.equal(said().length, 2, 'said anew by one that leads anew')
  })
})

test('The wait of a pod is over when it runs the migration, goes on or is gone', async () => {
  const { teller, metric } = tellerAt(NOW)
  const waits = podOf()
  const count = () => metric(/^migrate_io_pod_wait_seconds_count (\d+)$/m)
  teller.seen(waits, podOf({ annotations: { other: 'x' } }))
  teller.seen(podOf({ state: {} }), waits)
  assert.equal(await count(), 0)
  for (const after of [podOf({ grant: 'run 5' }), podOf({ state: ended(0) }), undefined]) teller.seen(waits, after)
  teller.seen(podOf({ grant: 'run 5' }), podOf({ grant: 'run 5', state: ended(0, 'run 5') }))
  assert.equal(await count(), 3)
  assert.equal(await metric(/^migrate_io_pod_wait_seconds_sum (\d+)$/m), 3 * 60)
})
