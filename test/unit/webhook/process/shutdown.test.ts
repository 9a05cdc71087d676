import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { until } from '../../../support/until.ts'
import { call, steadyCalls } from '../../../support/webhook/process/call.ts'
import { ENDS_DELAY } from '../../../support/webhook/process/held-delay-signal.ts'
import { HOST, keepAliveAgent, startWebhook, type Webhook } from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const BODY = JSON.stringify(review(deployment()))
const HEAD = `POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\n\r\n`
const PIECES = 12
const SOON = { limitMs: 20_000, intervalMs: 20 }
/** The longest that it takes: a shutdown that waits for it is no shutdown at once. */
const LONG_DELAY = ['--shutdown-delay-seconds', '600']
/** Such a delay ends when the test says so, and not before. */
const HELD_DELAY = `--import=${pathToFileURL(join(import.meta.dirname, '../../../support/webhook/process/held-delay.ts'))}`
const CUT_AT_THE_END = /ECONNRESET|before secure TLS connection was established/
const STUCK_LIMIT_MS = 3 * 14_000 // three times what closing may take at most

test('O3: SIGTERM: not ready, calls before and during the delay are answered, then no new connections, exit code 0', async (t) => {
  const webhook = await startWebhook(t, { args: LONG_DELAY, env: { NODE_OPTIONS: HELD_DELAY } })
  const agent = keepAliveAgent(t)
  let isOver = false
  const load = steadyCalls(t, 25, (nth) =>
    nth % 2 === 0
      ? call(webhook, { body: BODY, agent })
      : call(webhook, { body: BODY }).catch((error: Error) => {
          // One that came at the very end is not refused: the system has taken it, and nobody accepts it or greets it.
          throw isOver && CUT_AT_THE_END.test(error.message) ? new Error('ECONNREFUSED') : error
        }),
  )
  const early = await slowCall(t, webhook)
  early.send(1)
  await until('calls are answered', () => load.called.length > 10, SOON)

  webhook.signal('SIGTERM')
  await until('it is not ready', async () => (await call(webhook)).status === 503, SOON)
  early.send(1)
  const late = await slowCall(t, webhook)
  late.send(2)
  const during = await call(webhook, { body: BODY })
  assert.deepEqual([during.status, during.connection], [200, 'close'], 'clients are told to go elsewhere')

  const answered = load.called.length
  await until('calls go on', () => load.called.length > answered + 40, SOON)
  isOver = true
  webhook.signal(ENDS_DELAY)
  await until('new connections are refused', () => refused(webhook), SOON)
  for (const slow of [early, late]) {
    slow.send(PIECES)
    const answer = await slow.answer
    assert.match(answer, /^HTTP\/1\.1 200 [\s\S]*"allowed":true/)
    assert.match(answer, /^connection: close/im)
  }
  assert.deepEqual(await webhook.ended, { code: 0, signal: null })
  const { failures } = await load.stop()
  assert.deepEqual(
    failures.filter((failure) => !failure.includes('ECONNREFUSED')),
    [],
  )
})

test('O3: idle connections, used and unused, do not hold up the shutdown', async (t) => {
  const webhook = await startWebhook(t, { args: ['--shutdown-delay-seconds', '0', '--metrics-port', '0'] })
  const agent = keepAliveAgent(t)
  await Promise.all(Array.from({ length: 20 }, () => call(webhook, { agent, body: BODY })))
  await fetch(`http://${HOST}:${webhook.metricsPort}/metrics`).then((response) => response.text())
  const used = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? [])
  assert.ok(used.length > 0)
  const slow = await slowCall(t, webhook)
  slow.send(1)
  const unused = await Promise.all(Array.from({ length: 20 }, () => connected(t, webhook)))
  webhook.signal('SIGTERM')
  const open = () => [...used, ...unused].filter(({ destroyed }) => !destroyed).length
  await until('they are closed', open, { ...SOON, accept: (count) => count === 0 })
  // They went by themselves: when all connections are cut, this one is too.
  slow.send(PIECES)
  assert.match(await slow.answer, /^HTTP\/1\.1 200 /)
  assert.deepEqual(await webhook.ended, { code: 0, signal: null })
})

test('O3: a second SIGTERM ends it at once', async (t) => {
  const webhook = await startWebhook(t, { args: LONG_DELAY })
  await slowCall(t, webhook)
  webhook.signal('SIGTERM')
  await until('it is not ready', async () => (await call(webhook)).status === 503, SOON)
  webhook.signal('SIGTERM')
  const { code, signal } = await webhook.ended
  assert.deepEqual([code, signal], [1, null], 'not 0, as after the delay')
})

test('O3: SIGINT, which comes from a terminal, does not wait for the delay', async (t) => {
  const webhook = await startWebhook(t, { args: LONG_DELAY, env: { NODE_OPTIONS: HELD_DELAY } })
  webhook.signal('SIGINT')
  assert.equal((await webhook.ended).code, 0)
})

test('O3: a call that never ends holds up the shutdown for a limited time', async (t) => {
  const webhook = await startWebhook(t, { args: ['--shutdown-delay-seconds', '0'] })
  const stuck = await slowCall(t, webhook)
  stuck.send(1)
  const signalledAt = performance.now()
  webhook.signal('SIGTERM')
  const { code } = await webhook.ended
  const ms = performance.now() - signalledAt
  t.diagnostic(`ended ${ms.toFixed(0)} ms after the signal`)
  assert.equal(code, 0)
  assert.ok(ms < STUCK_LIMIT_MS, `${ms} ms`)
})

/** A call whose head has been sent; its body goes in pieces, when it is told to. */
async function slowCall(t: TestContext, webhook: Webhook) {
  const socket = await connected(t, webhook)
  let answer = ''
  let sent = 0
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk
  })
  const ended = once(socket, 'close').then(() => answer)
  await new Promise((written) => socket.write(HEAD, written))
  const cut = (piece: number) => Math.ceil((BODY.length * Math.min(piece, PIECES)) / PIECES)
  return {
    answer: ended,
    send(pieces: number) {
      socket.write(BODY.slice(cut(sent), cut(sent + pieces)))
      sent += pieces
    },
  }
}

async function connected(t: TestContext, { port, ca }: Webhook): Promise<TLSSocket> {
  const socket = connect({ host: HOST, port, ca: [ca].flat() })
  t.after(() => socket.destroy())
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

async function refused(webhook: Webhook): Promise<boolean> {
  try {
    await call(webhook)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
  }
}
