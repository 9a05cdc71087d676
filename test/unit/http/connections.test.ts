import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { limitConnections } from '../../../src/http/connections.ts'
import { buildHealthApp } from '../../../src/http/health.ts'
import { until } from '../../support/until.ts'

const HOST = '127.0.0.1'
const SOON = { limitMs: 20_000, intervalMs: 10 }

/** A server that answers 200, or what the path says, and connections to it by name, from any address of this machine. */
async function stage(t: TestContext, maxCount: number) {
  const told: { ended: number; address: string }[] = []
  let requests = 0
  const server = createServer(({ url }, response) => {
    requests++
    if (url === '/late') return
    response.statusCode = Number(url?.slice(1)) || 200
    response.end()
  })
  server.keepAliveTimeout = 0 // none is ended for being idle
  limitConnections(server, { maxCount, onCrowded: (ended, address) => told.push({ ended, address }) })
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const open = new Map<string, Socket>()
  t.after(() => {
    for (const socket of open.values()) socket.destroy()
    server.close()
  })
  let accepted = 0
  server.on('connection', () => accepted++)
  return {
    told,
    /** Returns when the server knows of it. */
    async connect(name: string, localAddress = HOST) {
      const socket = connect({ host: HOST, port, localAddress })
      socket.on('error', () => {}) // seen by its end
      socket.once('close', () => open.delete(name))
      open.set(name, socket)
      const before = accepted
      await once(socket, 'connect')
      await until('it is accepted', () => accepted > before, SOON)
    },
    /** Returns when it is answered; of /late, when it has come. */
    async call(name: string, path = '/') {
      const socket = open.get(name)
      assert.ok(socket, `${name} is open`)
      const before = requests
      const answer = path === '/late' ? undefined : once(socket, 'data')
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
      await answer
      await until('it has come', () => requests > before, SOON)
    },
    async untilOpen(names: readonly string[]) {
      await until('those are open', () => [...open.keys()].join(), { ...SOON, accept: (seen) => seen === names.join() })
    },
  }
}

test('S6: one connection too many ends the oldest that never had an answer, not the new one', async (t) => {
  const { connect, call, untilOpen } = await stage(t, 4)
  for (const name of ['a', 'b', 'c', 'd']) await connect(name)
  await call('a')
  await call('b', '/404')
  await connect('e')
  await untilOpen(['a', 'c', 'd', 'e'])
  await connect('f')
  await untilOpen(['a', 'd', 'e', 'f'])
})

test('S6: of those that never had an answer, it is one of the address that has most', async (t) => {
  const { connect, untilOpen, told } = await stage(t, 5)
  await connect('a')
  for (const name of ['b', 'c', 'd']) await connect(name, '127.0.0.2')
  await connect('e', '127.0.0.3')
  await connect('f', '127.0.0.3')
  await untilOpen(['a', 'c', 'd', 'e', 'f'])
  assert.deepEqual(told, [{ ended: 1, address: '127.0.0.2' }])
})

test('S6: where all had answers, it is the one whose last request is the longest ago', async (t) => {
  const { connect, call, untilOpen } = await stage(t, 3)
  for (const name of ['a', 'b', 'c']) {
    await connect(name)
    await call(name)
  }
  await call('a')
  await call('b', '/late')
  await connect('d')
  await untilOpen(['a', 'b', 'd'])
  await call('d')
  await connect('e')
  await untilOpen(['b', 'd', 'e'])
})

test('S6: the port for health and metrics reads no bodies, and holds no more than 100 connections', async (t) => {
  const app = buildHealthApp(() => undefined, { contentType: 'text/plain', text: async () => '', describe: () => [] })
  t.after(() => app.close())
  await app.listen({ host: HOST, port: 0 })
  const { port } = app.server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const probe = async () => {
    const [response] = await once(request({ host: HOST, port, path: '/healthz', agent }).end(), 'response')
    response.resume()
    await once(response, 'end')
    return response.statusCode
  }
  assert.equal(await probe(), 200)

  let open = 0
  for (let nth = 0; nth < 150; nth++) {
    const socket = connect({ host: HOST, port })
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.once('connect', () => open++)
    socket.once('close', () => open--)
    // Announced, and never sent.
    socket.write(
      'POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 900000\r\n\r\n{',
    )
    socket.resume()
  }
  await until('99 are left', () => open === 99, SOON)
  assert.equal(await probe(), 200)
  const { statusCode } = await app.inject({ method: 'POST', url: '/healthz', payload: { a: 'x'.repeat(900_000) } })
  assert.ok(statusCode === 404 || statusCode === 415, `${statusCode}`)
})
