import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { installedMemory } from '../../../support/deploy/heap.ts'
import { until } from '../../../support/until.ts'
import { type Called, call, spread, steadyCalls } from '../../../support/webhook/process/call.ts'
import type { Attack, Kind, Progress } from '../../../support/webhook/process/slow-clients.ts'
import { keepAliveAgent, memoryMib, startWebhook, type Webhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const CUT_LIMIT_MS = 3 * 30_000 // three times the figure of S4
const P95_LIMIT_MS = 3 * 100 // likewise
const EACH = 500
const BODY = JSON.stringify(review(deployment()))

const ARRIVE_LIMIT_MS = 400_000 // 5,000 handshakes take 10 s on a machine with nothing else to do
const REVIEW_LIMIT_MS = 3 * 1_000 // three times the figure of S6
const REVIEW_MS = 30 // of such a review, without others
const LARGE_BODY = largeReview(300 * 1024)

test('S4: 500 slow headers, 500 slow bodies and 500 half-open TLS connections at once are cut, real calls stay fast', async (t) => {
  const webhook = await startWebhook(t, { args: ['--metrics-port', '0'] })
  const agent = keepAliveAgent(t)
  await call(webhook, { agent, body: BODY })
  const attack = attacked(webhook, { slowHeaders: EACH, slowBodies: EACH, halfOpen: EACH })
  t.after(() => attack.worker.terminate())
  const real = steadyCalls(t, 50, () => call(webhook, { agent, body: BODY }))
  const counts = () =>
    Object.fromEntries(Object.entries(attack.progress().cutMs).map(([kind, ms]) => [kind, ms.length]))
  const kinds = ['slowHeaders', 'slowBodies', 'halfOpen'] as const
  const areAllCut = (cut: Record<string, number>) => kinds.every((kind) => cut[kind] === EACH)
  // Those who come last are cut last: the limit here leaves room for their start.
  await until('all are cut', counts, { limitMs: ARRIVE_LIMIT_MS, accept: areAllCut }).catch((error: Error) =>
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
  for (const kind of kinds) {
    const cutMs = progress.cutMs[kind]
    assert.equal(cutMs.length, EACH, `${kind}: only so many were cut`)
    assert.ok(Math.max(...cutMs) < CUT_LIMIT_MS, `${kind} were cut only after ${Math.max(...cutMs)} ms`)
  }
  assert.ok(ms.p95 < P95_LIMIT_MS, `p95 of real calls ${ms.p95} ms`)
})

test('S4: a half-open TLS connection does not hold up the shutdown', async (t) => {
  const webhook = await startWebhook(t, { args: ['--shutdown-delay-seconds', '0'] })
  const attack = attacked(webhook, { halfOpen: 2 })
  t.after(() => attack.worker.terminate())
  await until('both are connected', () => attack.progress().started === 2, { limitMs: CUT_LIMIT_MS })
  await until('both are cut', () => attack.progress().cutMs.halfOpen.length === 2, { limitMs: CUT_LIMIT_MS }).catch(
    (error: Error) => t.diagnostic(error.message),
  )
  webhook.signal('SIGTERM')
  assert.deepEqual(await webhook.ended, { code: 0, signal: null }, webhook.lines().at(-1))
})

const CROWDS: { readonly [what: string]: Attack['counts'] } = {
  '1,500 slow bodies': { unfinishedBodies: 1_500 },
  '4,000 idle TLS connections': { idle: 4_000 },
  '6 bodies that are announced and never come': { announcedBodies: 6 },
}

for (const [what, counts] of Object.entries(CROWDS)) {
  test(`S6: ${what}: the webhook stays inside 256 MiB and answers reviews of 300 KiB`, async (t) => {
    await withstand(t, counts, '127.0.0.2')
  })
}

test('S6: all these at once, and the network shows them with the address of the API server: the same, on connections that had an answer before', async (t) => {
  await withstand(t, Object.assign({}, ...Object.values(CROWDS)), '127.0.0.1')
})

/** Sends reviews one after the other, on one connection that is kept as the API server keeps it, while the others come. */
async function withstand(t: TestContext, counts: Attack['counts'], from: string): Promise<void> {
  const { limitMib } = installedMemory('webhook')
  const webhook = await startWebhook(t, { args: ['--metrics-port', '0'] })
  const agent = keepAliveAgent(t)
  agent.maxSockets = 1
  const send = () => call(webhook, { agent, body: LARGE_BODY })
  const before = spread((await inTurn(10, send)).map(({ ms }) => ms))
  const attack = attacked(webhook, counts, from)
  t.after(() => attack.worker.terminate())
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const haveCome = () => attack.progress().started + attack.progress().refused.length === total
  const answers: Called[] = []
  const sendAndLook = async () => {
    answers.push(await send())
    return haveCome()
  }
  await until('all have come', sendAndLook, { limitMs: ARRIVE_LIMIT_MS, intervalMs: 50 })
  answers.push(...(await inTurn(30, send)))
  const during = answers.map(({ ms }) => ms)
  const peakMib = await memoryMib(webhook.pid, 'VmHWM')
  const cut = Object.values(attack.progress().cutMs).flat().length
  const { max } = spread(during)
  t.diagnostic(`${attack.progress().started} of ${total} got in, ${cut} were cut; VmHWM ${peakMib.toFixed(0)} MiB`)
  t.diagnostic(
    `reviews, ms: before ${JSON.stringify(before)}, meanwhile ${during.length}: ${JSON.stringify(spread(during))}`,
  )
  assert.ok(peakMib < limitMib, `VmHWM ${peakMib} MiB; ${webhook.stderr()}`)
  assert.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  )
  const slowedDown = Math.max(1, before.p50 / REVIEW_MS) // other tests use the machine too
  assert.ok(max < REVIEW_LIMIT_MS * slowedDown, `${max} ms on a machine that is ${slowedDown} times slowed down`)
}

async function inTurn<T>(times: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < times) made.push(await make())
  return made
}

/** An UPDATE of about so many bytes, with many environment variables. */
function largeReview(bytes: number): string {
  const variable = (nth: number) => ({ name: `VARIABLE_${nth}`, value: `the value of variable ${nth}` })
  const count = Math.ceil(bytes / 2 / (JSON.stringify(variable(1_000)).length + 1))
  const object = deployment({}, { env: Array.from({ length: count }, (_, nth) => variable(nth)) })
  return JSON.stringify(review(object, { operation: 'UPDATE', oldObject: object }))
}

/** In a thread of its own: 1,000 handshakes here would make the real calls look slow. */
function attacked({ port, ca }: Webhook, counts: Attack['counts'], from = '127.0.0.1') {
  const workerData: Attack = { counts, from, port, ca: [ca].flat() }
  const worker = new Worker(new URL('../../../support/webhook/process/slow-clients.ts', import.meta.url), {
    workerData,
  })
  const none = (): number[] => []
  const cutMs: { readonly [K in Kind]: number[] } = {
    slowHeaders: none(),
    slowBodies: none(),
    halfOpen: none(),
    idle: none(),
    announcedBodies: none(),
    unfinishedBodies: none(),
  }
  let progress: Progress = { started: 0, refused: [], cutMs }
  worker.on('message', (message: Progress) => {
    progress = message
  })
  return { worker, progress: () => progress }
}
