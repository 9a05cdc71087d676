import assert from 'node:assert/strict'
import { Agent } from 'node:https'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { until } from '../until.ts'
import { call, type Program, startProgram } from './program.ts'
import { deployment, review } from './reviews.ts'

const BODY = JSON.stringify(review(deployment()))
const SOON = { limitMs: 20_000 }

/** A call whose last byte is sent only when `finish` is called. */
async function halfSentCall({ port, ca }: Program): Promise<{ finish: () => Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port, ca })
  let received = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => (received += chunk))
  socket.on('error', () => {})
  await new Promise<void>((done) => socket.once('secureConnect', done))
  const head = `POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(BODY)}\r\n\r\n`
  await new Promise((sent) => socket.write(head + BODY.slice(0, -1), sent))
  return {
    async finish() {
      socket.write(BODY.slice(-1))
      await new Promise((closed) => socket.once('close', closed))
      return received
    },
  }
}

test('O3: SIGTERM: not ready at once, still serving, accepted calls are answered, exit 0', async (t) => {
  const program = await startProgram(t, ['--shutdown-delay-seconds', '2'])
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  assert.equal((await call(program, { agent, body: BODY })).headers.connection, 'keep-alive')
  const accepted = await halfSentCall(program)
  program.child.kill('SIGTERM')

  const unready = await until('it is not ready', () => call(program, { agent: false }), { ...SOON, accept: ({ status }) => status === 503 })
  assert.match(unready.text, /shutting down/)
  const during = await call(program, { agent, body: BODY })
  assert.deepEqual([during.status, during.headers.connection], [200, 'close'])
  await until('it accepts no more', () => refused(program), SOON)

  const answer = await accepted.finish()
  assert.match(answer.slice(0, 400), /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*"allowed":true/i)
  assert.deepEqual(await program.ended, { code: 0, signal: null })
  assert.match(program.output(), /all accepted calls were answered/)
})

test('O3: idle connections, used or not, do not hold the process', async (t) => {
  const program = await startProgram(t, ['--shutdown-delay-seconds', '0'])
  const agent = new Agent({ keepAlive: true })
  await call(program, { agent, body: BODY })
  const unused = connect({ host: '127.0.0.1', port: program.port, ca: program.ca })
  unused.on('error', () => {})
  t.after(() => {
    unused.destroy()
    agent.destroy()
  })
  await new Promise<void>((done) => unused.once('secureConnect', done))
  const start = performance.now()
  program.child.kill('SIGTERM')
  assert.equal((await program.ended).code, 0)
  assert.ok(performance.now() - start < 8_000, 'well before the limit for calls that never end')
})

test('O3: a second signal ends it at once', async (t) => {
  const program = await startProgram(t, ['--shutdown-delay-seconds', '600'])
  program.child.kill('SIGTERM')
  await until('it is shutting down', () => program.output().includes('shutting down'), SOON)
  program.child.kill('SIGTERM')
  assert.equal((await program.ended).code, 1)
})

test('O3: SIGINT, which comes from a terminal, does not wait for the delay', async (t) => {
  const program = await startProgram(t, ['--shutdown-delay-seconds', '600'])
  program.child.kill('SIGINT')
  assert.equal((await program.ended).code, 0)
})

async function refused(program: Program): Promise<boolean> {
  try {
    await call(program, { agent: false })
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
  }
}
