import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { readJsonBodies } from '../../../src/webhook/bodies.ts'
import { InFlight } from '../../../src/webhook/in-flight.ts'
import { until } from '../../support/until.ts'
import { JSON_TYPE } from '../../support/webhook/app.ts'

const KIB = 1024
const SOON = { limitMs: 20_000, intervalMs: 5 }

/** A route that answers with what it was sent, and how many bytes there is room for at once. */
function echo(roomBytes: number) {
  const inFlight = new InFlight(roomBytes)
  const app = fastify()
  app.removeAllContentTypeParsers()
  readJsonBodies(app, inFlight)
  app.post('/', (request, reply) => reply.send(JSON.stringify(request.body)))
  return { app, inFlight }
}

/** A body that comes when told to, and knows whether it was read. */
function slowBody(bytes: number) {
  let send = () => {}
  let wanted = false
  const stream = new Readable({
    read() {
      wanted = true
    },
  })
  send = () => {
    stream.push(`"${'x'.repeat(bytes - 2)}"`)
    stream.push(null)
  }
  const headers = { ...JSON_TYPE, 'content-length': String(bytes) }
  return { send, wasRead: () => wanted, request: { method: 'POST', url: '/', headers, payload: stream } as const }
}

test('S4: a large body is not read before there is room, and small ones pass it', async () => {
  const { app, inFlight } = echo(500 * KIB)
  const [first, second] = [slowBody(300 * KIB), slowBody(300 * KIB)]
  const answers = [app.inject(first.request), app.inject(second.request)]
  await until('the second waits', () => inFlight.waiting === 1, SOON)
  assert.equal(second.wasRead(), false)
  assert.equal((await app.inject({ method: 'POST', url: '/', headers: JSON_TYPE, payload: '"small"' })).body, '"small"')
  first.send()
  await until('the second is let in', () => second.wasRead(), SOON)
  second.send()
  for (const answer of await Promise.all(answers)) assert.equal(answer.statusCode, 200)
  await until('all room is free again', () => inFlight.heldBytes === 0, SOON)
})

test('S4: a body with more values than any Deployment is turned away before it is parsed', async () => {
  const { app } = echo(10 * KIB * KIB)
  const post = (payload: string) => app.inject({ method: 'POST', url: '/', headers: JSON_TYPE, payload })
  assert.equal((await post(`[${'0,'.repeat(401_000)}0]`)).statusCode, 413)
  assert.equal((await post(`[${'[],'.repeat(201_000)}[]]`)).statusCode, 413)
  assert.equal((await post(`[${'0,'.repeat(399_000)}0]`)).statusCode, 200)
  // Commas and brackets inside a text are no values, also behind an escaped quote.
  assert.equal((await post(JSON.stringify(`\\"${'[,{"\\'.repeat(300_000)}`))).statusCode, 200)
})

test('S4: a body with more different keys than any Deployment is turned away, one with the same keys again is not', async () => {
  const { app } = echo(10 * KIB * KIB)
  const post = (payload: string) => app.inject({ method: 'POST', url: '/', headers: JSON_TYPE, payload })
  const objects = (different: number) =>
    JSON.stringify(Array.from({ length: 60_000 }, (_, i) => ({ [`k${i % different}`]: i })))
  assert.equal((await post(objects(40_000))).statusCode, 413)
  assert.equal((await post(objects(40_000).replaceAll('":', '" \n:'))).statusCode, 413)
  assert.equal((await post(objects(29_000))).statusCode, 200)
  assert.equal((await post(JSON.stringify(Array.from({ length: 60_000 }, (_, i) => `k${i}`)))).statusCode, 200)
})

test('A11: bodies come out as JSON.parse gives them, split anywhere', async () => {
  const { app } = echo(10 * KIB * KIB)
  const bytes = Buffer.from(JSON.stringify({ 'ü€😀': ['\ud800', null, 1e300, ''], __proto__: 1 }))
  for (let at = 1; at < bytes.length; at++) {
    const payload = Readable.from([bytes.subarray(0, at), bytes.subarray(at)])
    const headers = { ...JSON_TYPE, 'content-length': String(bytes.length) }
    const { body } = await app.inject({ method: 'POST', url: '/', headers, payload })
    assert.equal(body, bytes.toString())
  }
})
