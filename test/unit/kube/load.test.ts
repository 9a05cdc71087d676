import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { stringify } from 'yaml'
import { LoadError, type LoadErrorCode } from '../../../src/kube/errors.ts'
import { type LoadOptions, loadKube } from '../../../src/kube/load.ts'

async function folderWith(t: TestContext, files: Record<string, unknown>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-kubeconfig-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), typeof content === 'string' ? content : stringify(content))
  return folder
}

/** A kubeconfig with one cluster, user and context, all of this name. */
function kubeconfig(name: string, user: object = { token: 'secret' }, more: object = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: `https://${name}:6443/`, 'certificate-authority': 'ca.pem' } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `${name}-apps` } }],
    'current-context': name,
    ...more,
  }
}

async function refused(options: LoadOptions, code: LoadErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(loadKube(options), (error) => {
    assert.ok(error instanceof LoadError, String(error))
    assert.match(error.message, message)
    assert.equal(error.code, code)
    return true
  })
}

test('a kubeconfig: server, user, namespace of its context; paths are relative to it', async (t) => {
  const user = { 'client-certificate': 'me.crt', 'client-key': '/keys/me.key', exec: { command: './bin/login' } }
  const folder = await folderWith(t, { config: kubeconfig('one', user) })
  const { cluster, user: found, namespace, source } = await loadKube({ kubeconfig: join(folder, 'config'), env: {} })
  assert.equal(cluster.server, 'https://one:6443')
  assert.equal(cluster.caFile, join(folder, 'ca.pem'))
  assert.equal(found.certFile, join(folder, 'me.crt'))
  assert.equal(found.keyFile, '/keys/me.key')
  assert.equal(found.exec.command, join(folder, 'bin/login'))
  assert.equal(namespace, 'one-apps')
  assert.equal(source, `context "one" of ${join(folder, 'config')}`)
})

test('KUBECONFIG may name several files: the first of each name counts, missing ones are left out', async (t) => {
  const second = kubeconfig('two', {}, { users: [{ name: 'one', user: { token: 'other' } }] })
  const folder = await folderWith(t, { a: kubeconfig('one'), b: second })
  const KUBECONFIG = ['a', 'missing', 'b'].map((name) => join(folder, name)).join(delimiter)
  const first = await loadKube({ env: { KUBECONFIG } })
  assert.deepEqual([first.cluster.name, first.user.token], ['one', 'secret'])
  await refused({ env: { KUBECONFIG }, context: 'two' }, 'NO_CONTEXT', /names user "two", which is missing/)
  const home = await loadKube({ kubeconfig: join(folder, 'b'), context: 'two', env: {} }).catch((error) => error)
  assert.ok(home instanceof LoadError)
})

test('a pod without a kubeconfig uses its service account, also by IPv6', async (t) => {
  const serviceAccountFolder = await folderWith(t, { token: 'abc', namespace: 'migrate-io\n', 'ca.crt': 'PEM' })
  const env = { HOME: '/nowhere', KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '8443' }
  const { cluster, user, namespace } = await loadKube({ env, serviceAccountFolder })
  assert.equal(cluster.server, 'https://[fd00::1]:8443')
  assert.equal(cluster.caFile, join(serviceAccountFolder, 'ca.crt'))
  assert.equal(user.authProvider.config.tokenFile, join(serviceAccountFolder, 'token'))
  assert.equal(namespace, 'migrate-io')
})

test('no cluster, unreadable, malformed and unknown are said in words', async (t) => {
  const folder = await folderWith(t, {
    config: kubeconfig('one'),
    yaml: 'a: [',
    text: 'hello',
    half: { clusters: [{ name: 'x', cluster: {} }] },
    none: kubeconfig('one', {}, { 'current-context': '' }),
    lost: kubeconfig('one', {}, { clusters: [] }),
  })
  const of = (name: string) => ({ kubeconfig: join(folder, name), env: {} })
  await refused(
    { env: { HOME: '/nowhere' } },
    'NO_CLUSTER',
    /no cluster is configured: KUBECONFIG is not set.*--kubeconfig FILE/,
  )
  await refused({ env: { KUBECONFIG: '/no/such' } }, 'NO_CLUSTER', /KUBECONFIG is \/no\/such/)
  await refused(of('missing'), 'UNREADABLE', /missing \(ENOENT\)/)
  await refused(of('yaml'), 'MALFORMED', /yaml isn't a kubeconfig: /)
  await refused(of('text'), 'MALFORMED', /it isn't a mapping/)
  await refused(of('half'), 'MALFORMED', /clusters\[0\]\.cluster\.server is missing/)
  await refused(of('none'), 'NO_CONTEXT', /no current-context: choose one with --context; it has: one/)
  await refused(of('lost'), 'NO_CONTEXT', /names cluster "one", which is missing/)
  await refused({ ...of('config'), context: 'two' }, 'NO_CONTEXT', /no context "two"; it has: one/)
})
