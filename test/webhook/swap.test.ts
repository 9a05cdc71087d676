import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { makeDevelopmentCertificates, writeCertificates } from '../../certs/generate.ts'
import { until } from '../until.ts'
import { call, type Program, startProgram } from './program.ts'
import { deployment, review } from './reviews.ts'

const BODY = JSON.stringify(review(deployment()))
const SERVED_LIMIT_MS = 15_000

test('O1: a new certificate is served within 15 s and no call fails; a broken one keeps it and is said once', async (t) => {
  const program = await startProgram(t)
  const second = await makeDevelopmentCertificates()
  const load = keepCalling(program, program.ca + second.ca)

  const before = await serialNumber(program)
  await writeCertificates(program.folder, second)
  await until('another certificate is served', async () => (await serialNumber(program)) !== before, { limitMs: SERVED_LIMIT_MS })

  const served = await serialNumber(program)
  await writeFile(join(program.folder, 'tls.key'), (await makeDevelopmentCertificates()).key)
  await until('the bad pair is refused', () => refusals(program) > 0, { limitMs: SERVED_LIMIT_MS })
  // Another look or two of the watcher: it must not say it again.
  await until('the watcher looked again', () => load.calledForMs() > 12_000, { limitMs: 30_000 })
  assert.equal(refusals(program), 1)
  assert.equal(await serialNumber(program), served)
  const metrics = await call({ ...program, ca: second.ca }, { agent: false, path: '/metrics' })
  assert.match(metrics.text, /certificate_reload_failures_total 1\n/)
  assert.match(metrics.text, /certificate_expiry_timestamp_seconds \d{10}\n/)

  const { calls, failures } = await load.stop()
  assert.deepEqual(failures, [])
  assert.ok(calls > 100, `${calls} calls`)
})

/** Calls without a pause, half of them on new connections. */
function keepCalling(program: Program, ca: string) {
  const agent = new Agent({ keepAlive: true, ca })
  const failures: string[] = []
  const start = performance.now()
  let calls = 0
  let stopped = false
  const callers = Array.from({ length: 6 }, async (_, i) => {
    while (!stopped) {
      const called = call({ port: program.port, ca }, { agent: i % 2 === 0 ? agent : false, body: BODY })
      const { status } = await called.catch((error: Error) => ({ status: error.message }))
      if (status !== 200) failures.push(String(status))
      calls++
    }
  })
  return {
    calledForMs: () => performance.now() - start,
    async stop() {
      stopped = true
      await Promise.all(callers)
      agent.destroy()
      return { calls, failures }
    },
  }
}

async function serialNumber({ port }: Program): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  try {
    await new Promise<void>((done, fail) => socket.once('secureConnect', done).once('error', fail))
    return socket.getPeerCertificate().serialNumber
  } finally {
    socket.destroy()
  }
}

function refusals({ output }: Program): number {
  return output().split('kept the certificate that is in use').length - 1
}
