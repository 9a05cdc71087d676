import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { until } from '../../until.ts'
import { deployment, review } from '../reviews.ts'
import { call, spread, steadyCalls } from './call.ts'
import type { Attack, Progress } from './slow-clients.ts'
import { keepAliveAgent, startWebhook, type Webhook } from './webhook.ts'

const CUT_LIMIT_MS = 30_000
const P95_LIMIT_MS = 300 // three times the figure of S4, as `npm test` asserts it
const EACH = 500
const BODY = JSON.stringify(review(deployment()))

test('S4: 500 slow headers, 500 slow bodies and 500 half-open TLS connections at once are cut, real calls stay fast', async (t) => {
  const webhook = await startWebhook(t, { args: ['--metrics-port', '0'] })
  const agent = keepAliveAgent(t)
  await call(webhook, { agent, body: BODY })
  const attack = attacked(webhook, { slowHeaders: EACH, slowBodies: EACH, halfOpen: EACH })
  t.after(() => attack.worker.terminate())
  const real = steadyCalls(t, 50, () => call(webhook, { agent, body: BODY }))
  const counts = () =>
    Object.fromEntries(Object.entries(attack.progress().cutMs).map(([kind, ms]) => [kind, ms.length]))
  const areAllCut = (cut: Record<string, number>) => Object.values(cut).every((count) => count === EACH)
  // Those who come last are cut last: the limit here leaves room for their start.
  await until('all are cut', counts, { limitMs: 2 * CUT_LIMIT_MS, accept: areAllCut }).catch((error: Error) =>
    t.diagnostic(error.message),
  )
  const progress = attack.progress()
  const { called, failures } = await real.stop()
  for (const [kind, ms] of Object.entries(progress.cutMs).filter(([, ms]) => ms.length > 0))
    t.diagnostic(`${kind}: ${ms.length} cut, ms after their start: ${JSON.stringify(spread(ms))}`)
  const ms = spread(called.map((each) => each.ms))
  t.diagnostic(`${called.length} real calls meanwhile, ms: ${JSON.stringify(ms)}`)

  assert.deepEqual(failures, [])
  assert.ok(called.length > 100)
  for (const [kind, cutMs] of Object.entries(progress.cutMs)) {
    assert.equal(cutMs.length, EACH, `${kind}: only so many were cut`)
    assert.ok(Math.max(...cutMs) < CUT_LIMIT_MS, `${kind} were cut only after ${Math.max(...cutMs)} ms`)
  }
  assert.deepEqual(progress.refused, [], 'each got as far as it wanted to before it was cut')
  assert.ok(ms.p95 < P95_LIMIT_MS, `p95 of real calls ${ms.p95} ms`)
})

test('S4: a half-open TLS connection does not hold up the shutdown', async (t) => {
  const webhook = await startWebhook(t, { args: ['--shutdown-delay-seconds', '0'] })
  const attack = attacked(webhook, { slowHeaders: 0, slowBodies: 0, halfOpen: 2 })
  t.after(() => attack.worker.terminate())
  await until('both are connected', () => attack.progress().started === 2, { limitMs: CUT_LIMIT_MS })
  await until('both are cut', () => attack.progress().cutMs.halfOpen.length === 2, { limitMs: CUT_LIMIT_MS }).catch(
    (error: Error) => t.diagnostic(error.message),
  )
  webhook.signal('SIGTERM')
  assert.deepEqual(await webhook.ended, { code: 0, signal: null }, webhook.lines().at(-1))
})

/** In a thread of its own: 1,000 handshakes here would make the real calls look slow. */
function attacked({ port, ca }: Webhook, attack: Pick<Attack, 'slowHeaders' | 'slowBodies' | 'halfOpen'>) {
  const workerData: Attack = { ...attack, port, ca: [ca].flat() }
  const worker = new Worker(new URL('./slow-clients.ts', import.meta.url), { workerData })
  let progress: Progress = { started: 0, refused: [], cutMs: { slowHeaders: [], slowBodies: [], halfOpen: [] } }
  worker.on('message', (message: Progress) => {
    progress = message
  })
  return { worker, progress: () => progress }
}
