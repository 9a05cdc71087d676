import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent } from 'node:https'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as idle } from 'node:timers/promises'
import { connect } from 'node:tls'
import { call } from '../../../support/webhook/process/call.ts'
import { HOST, startWebhook, type Webhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const BODY = JSON.stringify(review(deployment()))
const CONNECTIONS = 24
const IDLE_MAX_MS = 95_000 // the API server lets go after 90 s
const IDLE_MS = Array.from(
  { length: CONNECTIONS },
  (_, nth) => 1_000 + (nth * (IDLE_MAX_MS - 1_000)) / (CONNECTIONS - 1),
)

test('O2: a call on a connection that was idle for 1 to 95 s is answered, on connections with and without a call before', async (t) => {
  const webhook = await startWebhook(t)
  const [used, unused] = await Promise.all([
    Promise.allSettled(IDLE_MS.map((ms) => callAgain(t, webhook, ms))),
    Promise.allSettled(IDLE_MS.map((ms) => firstCall(t, webhook, ms))),
  ])
  for (const [kind, outcomes] of Object.entries({ used, unused })) {
    const seen = outcomes.map((each, nth) => {
      const what = each.status === 'fulfilled' ? each.value : String(each.reason)
      return `after ${((IDLE_MS[nth] ?? 0) / 1000).toFixed(1)} s: ${what}`
    })
    assert.deepEqual(
      seen.filter((line) => !line.endsWith(' 200 on the same connection')),
      [],
      kind,
    )
  }
})

/** A call, idle, another call by the same agent. */
async function callAgain(t: TestContext, webhook: Webhook, idleMs: number): Promise<string> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const first = await call(webhook, { agent, body: BODY })
  await idle(idleMs)
  const again = await call(webhook, { agent, body: BODY })
  return `${again.status} on ${again.localPort === first.localPort ? 'the same connection' : 'another connection'}`
}

/** A spare connection such as Go's client opens in a burst: idle from its start. */
async function firstCall(t: TestContext, { port, ca }: Webhook, idleMs: number): Promise<string> {
  const socket = connect({ host: HOST, port, ca: [ca].flat() })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.on('error', () => {}) // seen below
  await idle(idleMs)
  if (!socket.writable) return 'the connection was closed'
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  agent.createConnection = () => socket as Socket
  const { localPort } = socket
  const answer = await call({ port, ca }, { agent, body: BODY })
  return `${answer.status} on ${answer.localPort === localPort ? 'the same connection' : 'another connection'}`
}
