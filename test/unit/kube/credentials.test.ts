import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApi } from '../../../src/kube/client.ts'
import { credentialsOf } from '../../../src/kube/credentials.ts'
import { connect } from '../../../src/kube/transport.ts'
import { answer, FakeApiServer, refuse, targetAt } from '../../support/kube/fake-api-server.ts'
import { FakeClock } from '../../support/kube/fake-clock.ts'
import { pod } from '../../support/kube/objects.ts'
import { until } from '../../support/until.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-credentials-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

const tokenFile = (path: string) => ({ authProvider: { name: 'tokenFile', config: { tokenFile: path } } })

test('a rotated service account token: refused once, it is read again and the call succeeds, also a write', async (t) => {
  const file = join(await temporaryFolder(t), 'token')
  await writeFile(file, 'old\n')
  let valid = 'Bearer old'
  const server = await FakeApiServer.start(t, (response, { headers }) => {
    if (headers.authorization === valid) answer(response, 200, { kind: 'Pod', ...pod('a', 1) })
    else refuse(response, 401)
  })
  const transport = await connect({ ...server.target, user: { name: 'me', ...tokenFile(file) } })
  t.after(() => transport.close())
  const api = createApi(transport)
  await api.read('Pod', 'shop', 'a')
  await writeFile(file, 'new')
  valid = 'Bearer new'
  await api.annotatePod(pod('a', 1).metadata, {})
  assert.deepEqual(
    server.requests.map(({ method, headers }) => `${method} ${headers.authorization}`),
    ['GET Bearer old', 'PATCH Bearer old', 'PATCH Bearer new'],
  )
  valid = 'nothing'
  await assert.rejects(api.read('Pod', 'shop', 'a'), { code: 'forbidden' })
  assert.equal(server.requests.length, 5, 'asked twice, not for ever')
})

test('a plugin is started once for many calls, told the cluster, and again after a refusal', async (t) => {
  const folder = await temporaryFolder(t)
  const plugin = join(folder, 'plugin.cjs')
  await writeFile(
    plugin,
    `const fs = require('node:fs')
     fs.appendFileSync(${JSON.stringify(join(folder, 'starts'))}, process.env.KUBERNETES_EXEC_INFO + '\\n')
     const status = { token: 'token-' + process.env.EXTRA, expirationTimestamp: '2099-01-01T00:00:00Z' }
     console.log(JSON.stringify({ kind: 'ExecCredential', status }))`,
  )
  const exec = { command: process.execPath, args: [plugin], env: [{ name: 'EXTRA', value: 'x' }], apiVersion: 'a/v1' }
  const source = await credentialsOf(targetAt('https://host:1', { exec }))
  const all = await Promise.all([source.current(), source.current(), source.current()])
  for (const { headers } of all) assert.equal(headers['Authorization'], 'Bearer token-x')
  await source.current()
  const starts = async () => (await readFile(join(folder, 'starts'), 'utf8')).trim().split('\n')
  assert.equal((await starts()).length, 1)
  const { kind, apiVersion, spec } = JSON.parse((await starts())[0] ?? '')
  assert.deepEqual([kind, apiVersion, spec.cluster.server], ['ExecCredential', 'a/v1', 'https://host:1'])
  source.renew()
  await source.current()
  assert.equal((await starts()).length, 2)
})

test('a plugin that fails or is missing, and a file that is missing, are unavailable with the reason', async () => {
  for (const [user, message] of [
    [{ exec: { command: process.execPath, args: ['-e', 'console.error("log in first"); process.exit(1)'] } }, /log in/],
    [{ exec: { command: '/no/such/plugin' } }, /ENOENT/],
    [{ exec: { command: process.execPath, args: ['-e', 'console.log("hello")'] } }, /JSON/],
    [tokenFile('/no/such/token'), /ENOENT/],
    [{ certFile: '/no/such/cert' }, /ENOENT/],
  ] as const) {
    const source = await credentialsOf(targetAt('https://host:1', user))
    await assert.rejects(source.current(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'unavailable')
      assert.match(error.message, /no credentials for user "somebody"/)
      assert.match(error.message, message)
      return true
    })
  }
})

test('certificates in files are read again after a minute', async (t) => {
  const folder = await temporaryFolder(t)
  const certFile = join(folder, 'cert')
  await writeFile(certFile, 'first')
  const clock = new FakeClock()
  const source = await credentialsOf(targetAt('https://host:1', { certFile }), clock)
  assert.equal((await source.current()).tls.cert, 'first')
  await writeFile(certFile, 'second')
  clock.skip(60_000)
  assert.equal((await source.current()).tls.cert, 'first')
  clock.skip(1)
  assert.equal((await source.current()).tls.cert, 'second')
})

test('password, token and impersonation become headers; what stands in the kubeconfig comes before a file', async () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const basic = await credentialsOf(targetAt('https://h', { username: 'u', password: 'p', impersonateUser: 'other' }))
  assert.deepEqual((await basic.current()).headers, {
    Authorization: `Basic ${base64('u:p')}`,
    'Impersonate-User': 'other',
  })
  const token = await credentialsOf(
    targetAt('https://h', { token: 't\n', keyData: base64('key'), keyFile: '/no/such' }),
  )
  const { headers, tls } = await token.current()
  assert.deepEqual(headers, { Authorization: 'Bearer t' })
  assert.deepEqual(tls, { key: 'key', rejectUnauthorized: false })
})

test('what is not supported is refused before any call', async () => {
  const gcp = targetAt('https://h', { authProvider: { name: 'gcp' } })
  await assert.rejects(connect(gcp), { code: 'UNSUPPORTED', message: /auth-provider "gcp"; supported are/ })
  const socks = { ...targetAt('https://h') }
  socks.cluster = { ...socks.cluster, proxyUrl: 'socks5://h:1' }
  await assert.rejects(connect(socks), { code: 'UNSUPPORTED', message: /socks5/ })
  await assert.rejects(connect(targetAt('h:6443')), { code: 'MALFORMED', message: /isn't an address like https/ })
})

test('the way of OpenID Connect is loaded only by a user who needs it', async () => {
  const oidc = targetAt('https://h', { authProvider: { name: 'oidc', config: { 'id-token': 'x' } } })
  assert.ok(await credentialsOf(oidc))
})

test('a plugin that hangs is ended after a minute, with what hung; the next call starts it anew', async (t) => {
  const folder = await temporaryFolder(t)
  const pids = join(folder, 'pids')
  const hang = `require('node:fs').appendFileSync(${JSON.stringify(pids)}, process.pid + '\\n'); setInterval(() => {}, 1000)`
  const clock = new FakeClock()
  const exec = { command: process.execPath, args: ['-e', hang] }
  const source = await credentialsOf(targetAt('https://host:1', { exec }), clock)
  const started = (count: number) =>
    until('it runs', async () => (await readFile(pids, 'utf8').catch(() => '')).trim().split('\n').filter(Boolean), {
      limitMs: 10_000,
      accept: (all) => all.length === count,
    })
  for (const count of [1, 2]) {
    const failed = assert.rejects(source.current(), {
      code: 'unavailable',
      message: /user "somebody".*the plugin ".*node": no answer within 60 s/,
    })
    const pid = Number((await started(count)).at(-1))
    await clock.advance(60_000)
    await failed
    await until('it is gone', () => !isAlive(pid), { limitMs: 10_000 })
  }
})

test('S3: what a plugin wrote instead of credentials is not quoted', async () => {
  const args = ['-e', 'console.log(JSON.stringify({ status: { token: "canary" } }).slice(0, -2))']
  const source = await credentialsOf(targetAt('https://host:1', { exec: { command: process.execPath, args } }))
  await assert.rejects(source.current(), (error: Error) => {
    assert.match(error.message, /isn't JSON/)
    assert.doesNotMatch(`${error.stack} ${error.cause}`, /canary/)
    return true
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
