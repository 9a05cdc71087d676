import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWebhookMetrics } from '../../../src/observability/webhook-metrics.ts'

async function seriesValue(
  metrics: ReturnType<typeof createWebhookMetrics>,
  series: string,
): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

test('Each admission is counted under its labels and timed', async () => {
  const metrics = createWebhookMetrics({ version: '1.2.3', isReady: () => true })
  for (const seconds of [0.0002, 0.0003, 6])
    metrics.admission({ operation: 'CREATE', outcome: 'injected', reason: 'injected' }, seconds)
  metrics.admission({ operation: 'UPDATE', outcome: 'kept', reason: 'user-parts-unchanged' }, 0.001)
  const requests = 'migrate_io_admission_requests_total'
  const duration = 'migrate_io_admission_duration_seconds'
  const expected: Record<string, number> = {
    [`${requests}{operation="CREATE",outcome="injected",reason="injected"}`]: 3,
    [`${requests}{operation="UPDATE",outcome="kept",reason="user-parts-unchanged"}`]: 1,
    [`${duration}_bucket{le="0.00025"}`]: 1,
    [`${duration}_bucket{le="0.0005"}`]: 2,
    [`${duration}_bucket{le="5"}`]: 3,
    [`${duration}_bucket{le="+Inf"}`]: 4,
    [`${duration}_count`]: 4,
  }
  for (const [series, value] of Object.entries(expected))
    assert.equal(await seriesValue(metrics, series), value, series)
})

test('The certificate: its expiry in seconds, and each refused content', async () => {
  const metrics = createWebhookMetrics({ version: '1.2.3', isReady: () => true })
  metrics.certificateExpiry(new Date('2030-01-01T00:00:00Z'))
  metrics.certificateReloadFailed()
  assert.equal(await seriesValue(metrics, 'migrate_io_certificate_expiry_timestamp_seconds'), 1_893_456_000)
  assert.equal(await seriesValue(metrics, 'migrate_io_certificate_reload_failures_total'), 1)
})

test('Two registries share nothing, and each knows build, process and event loop', async () => {
  const [one, other] = [
    createWebhookMetrics({ version: '1', isReady: () => true }),
    createWebhookMetrics({ version: '2', isReady: () => true }),
  ]
  one.certificateReloadFailed()
  assert.equal(await seriesValue(other, 'migrate_io_certificate_reload_failures_total'), 0)
  assert.equal(await seriesValue(other, `migrate_io_build_info{version="2",node="${process.version}"}`), 1)
  assert.ok(Number(await seriesValue(other, 'process_resident_memory_bytes')) > 1e6)
  const cpu = Number(await seriesValue(other, 'process_cpu_seconds_total'))
  assert.ok(cpu > 0 && cpu < 3600)
  const started = Number(await seriesValue(other, 'process_start_time_seconds'))
  assert.ok(Math.abs(started - (Date.now() / 1000 - process.uptime())) < 5)
})

test('The event loop delay is what a blocked loop shows, and starts anew at each scrape', async () => {
  const from = performance.now()
  const metrics = createWebhookMetrics({ version: '1', isReady: () => true })
  const longest = 'migrate_io_event_loop_delay_seconds{quantile="1"}'
  await new Promise((turn) => setTimeout(turn, 100)) // some samples to begin with
  await metrics.text()
  await new Promise((turn) => setTimeout(turn, 100)) // the first sample after a scrape only starts the clock
  const end = performance.now() + 300
  while (performance.now() < end);
  await new Promise((turn) => setTimeout(turn, 50)) // the late sample itself
  const delay = Number(await seriesValue(metrics, longest))
  const seconds = (performance.now() - from) / 1000
  assert.ok(delay > 0.2 && delay < seconds, `${delay} s of ${seconds} s`)
})

test('Whether it is ready is asked at each scrape; a fault of ours is there before the first one', async () => {
  let isReady = true
  const metrics = createWebhookMetrics({ version: '1', isReady: () => isReady })
  assert.equal(await seriesValue(metrics, 'migrate_io_webhook_ready'), 1)
  isReady = false
  assert.equal(await seriesValue(metrics, 'migrate_io_webhook_ready'), 0)
  const faults = 'migrate_io_admission_requests_total{operation="none",outcome="error",reason="internal"}'
  assert.equal(await seriesValue(metrics, faults), 0)
})
