import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Json } from '../../../../src/json.ts'
import { call, spread, steadyCalls } from '../../../support/webhook/process/call.ts'
import { keepAliveAgent, memoryMib, startWebhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const BODY_BYTES = 7 * 1024 * 1024 - 100 // the limit is 7 MiB
const BODIES = 50
const POD_LIMIT_MIB = 256
const SMALL = JSON.stringify(review(deployment()))

test('S4: 50 bodies of 7 MiB at once, big strings, stay inside 256 MiB and are answered', async (t) => {
  await sendAtOnce(t, Buffer.from(padded({ text: 'x'.repeat(3 * 1024 * 1024) })), 200)
})

test('S4: 50 bodies of 7 MiB at once, as many values as are let in, stay inside 256 MiB and are answered', async (t) => {
  // Just below 400,000 values, each an object of its own: the most memory that a body can take.
  await sendAtOnce(t, Buffer.from(padded({ values: Array.from({ length: 199_000 }, () => ({ a: 0 })) })), 200)
})

test('S4: 50 bodies of 7 MiB at once, as many values and as many different keys as are let in, stay inside 256 MiB', async (t) => {
  // A key that occurs once costs V8 a hidden class.
  const values = Array.from({ length: 199_000 }, (_, nth) => ({ [`k${nth % 29_000}`]: 0 }))
  await sendAtOnce(t, Buffer.from(padded({ values })), 200)
})

test('S4: 50 bodies of 7 MiB at once, each value under a key of its own, are turned away with the reason', async (t) => {
  const values = Array.from({ length: 199_000 }, (_, nth) => ({ [`k${nth}`]: 0 }))
  await sendAtOnce(t, Buffer.from(padded({ values })), 413)
})

test('S4: 50 bodies of 7 MiB at once, more values than any Deployment has, are turned away with the reason', async (t) => {
  await sendAtOnce(t, Buffer.from(padded({ values: Array.from({ length: 2_000_000 }, () => []) })), 413)
})

/** A review whose object has that content, filled up to the size by one long annotation. */
function padded(content: { [name: string]: Json }): string {
  const text = (filling: string) => JSON.stringify(review({ ...deployment(), ...content, filling }))
  return text('x'.repeat(BODY_BYTES - text('').length))
}

async function sendAtOnce(t: TestContext, body: Buffer, status: number): Promise<void> {
  assert.equal(body.length, BODY_BYTES)
  const webhook = await startWebhook(t, { args: ['--metrics-port', '0'] })
  const agent = keepAliveAgent(t)
  const small = steadyCalls(t, 100, () => call(webhook, { agent, body: SMALL }))
  const startedAt = performance.now()
  const outcomes = await Promise.allSettled(Array.from({ length: BODIES }, () => call(webhook, { body })))
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const { called, failures } = await small.stop()
  const peakMib = await memoryMib(webhook.pid, 'VmHWM').catch(() => Number.NaN)
  const seen = Object.groupBy(outcomes, (each) =>
    each.status === 'fulfilled'
      ? `${each.value.status} ${each.value.text.startsWith('{') ? '{…' : each.value.text.trim()}`
      : String(each.reason),
  )
  const counts = Object.fromEntries(Object.entries(seen).map(([key, list]) => [key, list?.length]))
  t.diagnostic(`in ${seconds} s; VmHWM ${peakMib.toFixed(0)} MiB; ${JSON.stringify(counts)}`)
  t.diagnostic(`${called.length} small calls meanwhile, ms: ${JSON.stringify(spread(called.map(({ ms }) => ms)))}`)

  assert.ok(peakMib < POD_LIMIT_MIB, `VmHWM ${peakMib} MiB; ${webhook.stderr()}`)
  assert.deepEqual(failures, [])
  assert.ok(called.length > 0)
  // 408, or its connection ended while it was still sent, where this program took longer than the server gives a body: it
  // encrypts 350 MB first.
  const isAsExpected = (key: string) => new RegExp(`^(${status} .|408 |Error: .*(EPIPE|ECONNRESET))`).test(key)
  assert.deepEqual(
    Object.keys(counts).filter((key) => !isAsExpected(key)),
    [],
    'each has an answer with its reason',
  )
  assert.ok(Object.keys(counts).some((key) => key.startsWith(`${status} `)))
}
