import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDevelopmentCertificates } from '../../certs/generate.ts'
import { call, runProgram, startProgram } from './program.ts'

test('O5: /healthz, /readyz and /metrics on the TLS port', async (t) => {
  const program = await startProgram(t)
  for (const path of ['/healthz', '/readyz']) {
    const { status, text } = await call(program, { agent: false, path })
    assert.deepEqual([status, text], [200, 'ok\n'])
  }
  assert.match((await call(program, { agent: false, path: '/metrics' })).text, /migrate_io_build_info\{/)
})

test('O5: --metrics-port takes /metrics off the TLS port and serves health without TLS too', async (t) => {
  const program = await startProgram(t, ['--metrics-port', '0'])
  assert.equal((await call(program, { agent: false, path: '/metrics' })).status, 404)
  assert.equal((await call(program, { agent: false, path: '/readyz' })).status, 200)
  for (const [path, expected] of [['metrics', /build_info/], ['healthz', /ok/], ['readyz', /ok/]] as const) {
    const response = await fetch(`http://127.0.0.1:${program.metricsPort}/${path}`)
    assert.equal(response.status, 200)
    assert.match(await response.text(), expected)
  }
})

test('What keeps it from starting is said in one line with the remedy, exit code 1, no stack trace', async (t) => {
  const { port, folder } = await startProgram(t)
  const cert = join(folder, 'tls.crt')
  const key = join(folder, 'tls.key')
  const other = join(folder, 'other.key')
  const empty = join(folder, 'empty')
  await writeFile(other, (await makeDevelopmentCertificates()).key)
  await writeFile(empty, '')
  const start = (certFile: string, keyFile: string, at = '0', ...more: string[]) =>
    runProgram(['webhook', '--port', at, '--host', '127.0.0.1', '--tls-cert-file', certFile, '--tls-private-key-file', keyFile, '--log-level', 'silent', ...more])
  for (const [ended, expected] of [
    [await start('missing.crt', key), /cannot read missing\.crt \(ENOENT\): check the path given as --tls-cert-file/],
    [await start(cert, 'missing.key'), /cannot read missing\.key \(ENOENT\): check the path given as --tls-private-key-file/],
    [await start(cert, other), /other\.key does not belong to the first certificate in .*tls\.crt: give/],
    [await start(empty, key), /empty holds no PEM certificate \(it is empty\): give a PEM file/],
    [await start(cert, cert), /tls\.crt holds no private key/],
    [await start(cert, key, String(port)), /cannot listen on port \d+ of 127\.0\.0\.1: another program has it; stop/],
    [await start(cert, key, '0', '--metrics-port', String(port)), /cannot listen on port \d+ .*another program has it/],
  ] as const) {
    assert.equal(ended.code, 1)
    assert.match(ended.output, expected)
    assert.equal(ended.output.trim().split('\n').length, 1, ended.output)
  }
})

test('Wrong usage exits 2 and says what is allowed', async () => {
  const files = ['--tls-cert-file', 'a', '--tls-private-key-file', 'b']
  for (const [args, expected] of [
    [['--port', '70000', ...files], /from 0 to 65535/],
    [['--port', '-1', ...files], /from 0 to 65535/],
    [['--log-level', 'loud', ...files], /Allowed choices are debug/],
    [['--shutdown-delay-seconds', '1s', ...files], /from 0 to 600/],
    [[], /--tls-cert-file/],
  ] as const) {
    const { code, output } = await runProgram(['webhook', ...args])
    assert.equal(code, 2)
    assert.match(output, expected)
  }
})
