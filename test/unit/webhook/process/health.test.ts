import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sum } from '../../../support/installation/metrics.ts'
import { until } from '../../../support/until.ts'
import { call } from '../../../support/webhook/process/call.ts'
import { keepAliveAgent, startWebhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const SOON = { limitMs: 20_000 }
const TYPES = {
  migrate_io_admission_requests_total: 'counter',
  migrate_io_admission_duration_seconds: 'histogram',
  migrate_io_certificate_expiry_timestamp_seconds: 'gauge',
  migrate_io_certificate_reload_failures_total: 'counter',
  migrate_io_event_loop_delay_seconds: 'gauge',
  migrate_io_webhook_ready: 'gauge',
  migrate_io_build_info: 'gauge',
  process_start_time_seconds: 'gauge',
  process_resident_memory_bytes: 'gauge',
  process_cpu_seconds_total: 'counter',
  nodejs_heap_size_used_bytes: 'gauge',
} as const

test('O5: health and metrics on the TLS port; healthz stays 200 while it is not ready', async (t) => {
  const webhook = await startWebhook(t, { args: ['--shutdown-delay-seconds', '20'] })
  const get = async (path: string) => {
    const { status, text } = await call(webhook, { path })
    return `${status} ${text.split('\n')[0]}`
  }
  assert.deepEqual([await get('/healthz'), await get('/readyz')], ['200 ok', '200 ok'])
  assert.match(await get('/metrics'), /^200 # HELP /)
  webhook.signal('SIGTERM')
  await until('it is not ready', () => get('/readyz'), { ...SOON, accept: (seen) => seen === '503 shutting down' })
  assert.equal(await get('/healthz'), '200 ok')
})

test('O5: health and metrics on --metrics-port; healthz stays 200 while it is not ready', async (t) => {
  const webhook = await startWebhook(t, { args: ['--metrics-port', '0', '--shutdown-delay-seconds', '20'] })
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${webhook.metricsPort}${path}`)
    return `${response.status} ${(await response.text()).split('\n')[0]}`
  }
  assert.deepEqual([await get('/healthz'), await get('/readyz')], ['200 ok', '200 ok'])
  assert.match(await get('/metrics'), /^200 # HELP /)
  assert.match(await get('/mutate'), /^404 /)
  assert.equal((await call(webhook, { path: '/metrics' })).status, 404)
  assert.equal((await call(webhook, { path: '/readyz' })).status, 200)
  webhook.signal('SIGTERM')
  await until('it is not ready', () => get('/readyz'), { ...SOON, accept: (seen) => seen === '503 shutting down' })
  assert.equal(await get('/healthz'), '200 ok')
})

test('O5: each metric says what it is, and the admission metrics count each call under its reason', async (t) => {
  const webhook = await startWebhook(t)
  const agent = keepAliveAgent(t)
  const metrics = async () => (await call(webhook, { agent, path: '/metrics' })).text
  const before = await metrics()
  for (const [name, type] of Object.entries(TYPES)) {
    assert.match(before, new RegExp(`^# HELP ${name} \\S.+\\.$`, 'm'))
    assert.match(before, new RegExp(`^# TYPE ${name} ${type}$`, 'm'))
  }
  const said = [...before.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name)
  assert.deepEqual(said.toSorted(), Object.keys(TYPES).toSorted(), 'each is known to this test')

  const plain = deployment({ annotations: {} })
  const refused = deployment({ annotations: { 'migrate.io/command': '', 'migrate.io/retries': '-1' } })
  const sent = [
    { body: review(deployment()), operation: 'CREATE', outcome: 'injected', reason: 'injected' },
    { body: review(plain), operation: 'CREATE', outcome: 'untouched', reason: 'no-annotation' },
    { body: review(refused), operation: 'CREATE', outcome: 'refused', reason: 'bad-value' },
    {
      body: review(deployment(), { operation: 'UPDATE', oldObject: plain }),
      ...{ operation: 'UPDATE', outcome: 'injected', reason: 'injected' },
    },
    {
      body: review(deployment(), { operation: 'DELETE' }),
      operation: 'DELETE',
      outcome: 'untouched',
      reason: 'not-ours',
    },
    { body: { kind: 'Pod' }, operation: 'none', outcome: 'error', reason: 'review-malformed' },
  ]
  for (const [index, { body, ...labels }] of sent.entries()) {
    await call(webhook, { agent, body: JSON.stringify(body) })
    const text = await metrics()
    assert.equal(sum(text, 'migrate_io_admission_requests_total', labels), 1, JSON.stringify(labels))
    assert.equal(sum(text, 'migrate_io_admission_requests_total'), index + 1)
    assert.equal(sum(text, 'migrate_io_admission_duration_seconds_count'), index + 1)
    assert.equal(sum(text, 'migrate_io_admission_duration_seconds_bucket', { le: '+Inf' }), index + 1)
  }
  const text = await metrics()
  assert.ok(sum(text, 'migrate_io_admission_duration_seconds_sum') > 0)
  assert.ok(sum(text, 'process_resident_memory_bytes') > 10e6)
  assert.equal(sum(text, 'migrate_io_build_info'), 1)
})
