import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { stringify } from 'yaml'
import { startCluster } from '../../support/cluster/cluster.ts'
import { apply, assertDone, callsAs, makeNamespace } from '../../support/deploy/apply.ts'
import { kustomized, NAMESPACE } from '../../support/deploy/rendered.ts'
import { flask } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import { startControllerProcess } from '../../support/lock/controller-process.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 60_000
const GRANT = 'migrate.io/grant'

interface PodObject {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
}

const cluster = await startCluster()
const installation = await installWebhook(cluster)
after(async () => {
  await installation.stop()
  await cluster.stop()
})

test('S1: with its account, its rules and all policies the controller does all of its work', async () => {
  await apply(
    cluster,
    (await kustomized('self-managed')).filter(({ kind }) => !/^(Mutating|Deployment)/.test(kind)),
  )
  const controller = await startControllerProcess({ kubeconfig: await kubeconfigOfAccount(), namespace: NAMESPACE })
  after(() => controller.stop('SIGKILL'))
  await controller.untilLeading()
  const namespace = await makeNamespace(cluster, { 'migrate.io/injection': 'enabled' })
  await installation.untilOptedIn(namespace)
  const { post, patch } = callsAs(cluster)
  const manifest = flask('shop', ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, 'migrate.io/lock': 'db' }
  })
  assertDone(await post(`/apis/apps/v1/namespaces/${namespace}/deployments`, manifest), 'the Deployment')

  const base = `/api/v1/namespaces/${namespace}`
  const list = async () => (await cluster.get<{ items: PodObject[] }>(`${base}/pods`)).body.items
  const pods = await until('there are pods', list, { limitMs: LIMIT_MS, accept: ({ length }) => length === 3 })
  // Nodes are missing here: what kubelet would report is written by hand.
  const report = async ({ metadata: { name } }: PodObject, state: object) => {
    const status = { initContainerStatuses: [{ ...CONTAINER, state }] }
    assertDone(await patch(`${base}/pods/${name}/status`, { status }), 'what kubelet reports')
  }
  for (const pod of pods) await report(pod, { running: { startedAt: new Date().toISOString() } })
  const granted = async () => (await list()).filter(({ metadata }) => metadata.annotations?.[GRANT]?.startsWith('run '))
  const [runner, ...more] = await until('one may run', granted, {
    limitMs: LIMIT_MS,
    accept: ({ length }) => length > 0,
  })
  assert.deepEqual(more, [])
  assert.ok(runner)
  assert.equal(runner.metadata.annotations?.['karpenter.sh/do-not-disrupt'], 'true')

  const now = new Date().toISOString()
  await report(runner, {
    terminated: { exitCode: 0, message: runner.metadata.annotations?.[GRANT], startedAt: now, finishedAt: now },
  })
  const skipped = async () => (await list()).filter(({ metadata }) => metadata.annotations?.[GRANT] === 'skip')
  await until('the others skip it', skipped, { limitMs: LIMIT_MS, accept: ({ length }) => length === pods.length - 1 })
  const unmarked = async () =>
    (await list()).every(({ metadata }) => !metadata.annotations?.['karpenter.sh/do-not-disrupt'])
  await until('the mark is off', unmarked, { limitMs: LIMIT_MS })
  const { body } = await cluster.get<{ data: object }>(`${base}/configmaps/deployment.shop.migrate-io`)
  assert.ok(
    Object.keys(body.data).some((key) => key.startsWith('completed.')),
    JSON.stringify(body),
  )
  assert.equal((await cluster.get(`${base}/configmaps/lock.db.migrate-io`)).status, 200)
  const faults = controller.logs().filter(({ level }) => level === 'warn' || level === 'error')
  assert.deepEqual(faults, [])
})

const CONTAINER = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0 }

/** A kubeconfig with a token of the account, as its pod has one. */
async function kubeconfigOfAccount(): Promise<string> {
  const { stdout: token } = await cluster.kubectl(['create', 'token', 'migrate-io-controller', '-n', NAMESPACE])
  const name = 'account'
  const file = join(cluster.folder, 'account.kubeconfig')
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: cluster.url, 'certificate-authority': cluster.caFile } }],
    users: [{ name, user: { token: token.trim() } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  }
  writeFileSync(file, stringify(config), { mode: 0o600 })
  return file
}
