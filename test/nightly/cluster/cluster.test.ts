import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { type Cluster, connectCluster, startCluster } from '../../support/cluster/cluster.ts'
import { type Identity, isAlive } from '../../support/cluster/identity.ts'
import { recordedProcess, recordedProcesses } from '../../support/cluster/run-folder.ts'
import { until } from '../../support/until.ts'

interface List {
  items: { metadata: { name: string; labels?: Record<string, string> }; status: { phase?: string } }[]
}

const LIMIT_MS = 60_000

// Run folders of these tests stand apart, so that a cluster which something else runs meanwhile is never looked at.
const parent = mkdtempSync(join(tmpdir(), 'migrate-io-cluster-tests-'))
after(() => rmSync(parent, { recursive: true, force: true }))

describe('a cluster', () => {
  let cluster: Cluster
  before(async () => {
    cluster = await startCluster({ parent })
  })
  after(() => cluster.stop())

  test('makes a Deployment into a ReplicaSet and its pods, which stay pending without a node', async () => {
    await cluster.kubectl(['create', 'deployment', 'shop', '--image=shop:1', '--replicas=2'])
    const pods = await until('the pods exist', () => cluster.get<List>('/api/v1/namespaces/default/pods'), {
      limitMs: LIMIT_MS,
      accept: ({ body }) => body.items.length === 2,
    })
    const sets = await cluster.get<List>('/apis/apps/v1/namespaces/default/replicasets')
    const [set] = sets.body.items
    const hash = set?.metadata.labels?.['pod-template-hash']
    assert.equal(set?.metadata.name, `shop-${hash}`)
    for (const { metadata, status } of pods.body.items) {
      assert.equal(metadata.labels?.['pod-template-hash'], hash)
      assert.equal(status.phase, 'Pending')
    }
  })

  test('garbage-collects what a deleted Deployment owned', async () => {
    await cluster.kubectl(['create', 'deployment', 'gone', '--image=gone:1'])
    const pods = () => cluster.get<List>('/api/v1/namespaces/default/pods?labelSelector=app=gone')
    const count = (items: number) => (seen: Awaited<ReturnType<typeof pods>>) => seen.body.items.length === items
    await until('its pod exists', pods, { limitMs: LIMIT_MS, accept: count(1) })
    await cluster.kubectl(['delete', 'deployment', 'gone'])
    await until('its pod is gone', pods, { limitMs: LIMIT_MS, accept: count(0) })
  })

  test('deletes a namespace completely', async () => {
    await cluster.kubectl(['create', 'namespace', 'short-lived'])
    await cluster.kubectl(['create', 'configmap', 'something', '-n', 'short-lived'])
    await cluster.kubectl(['delete', 'namespace', 'short-lived', '--wait=false'])
    await until('the namespace is gone', () => cluster.get('/api/v1/namespaces/short-lived'), {
      limitMs: LIMIT_MS,
      accept: ({ status }) => status === 404,
    })
  })

  test('keeps its state over a crash of the API server and of etcd', async () => {
    await cluster.kubectl(['create', 'configmap', 'kept', '--from-literal=key=value'])
    const kept = '/api/v1/namespaces/default/configmaps/kept'
    for (const component of ['kube-apiserver', 'etcd'] as const) {
      const crashed = recordedProcess(cluster.folder, component)
      await cluster.restart(component)
      assert.notDeepEqual(recordedProcess(cluster.folder, component), crashed)
      const { body } = await cluster.get<{ data: unknown }>(kept)
      assert.deepEqual(body.data, { key: 'value' })
    }
  })

  test('has a component stopped and started again, and calls fail meanwhile', async () => {
    await cluster.stop('kube-apiserver')
    await assert.rejects(cluster.get('/version'), /GET \/version/)
    await cluster.start('kube-apiserver')
    assert.equal((await cluster.get('/version')).status, 200)
  })

  test('enforces pod security, quotas and RBAC', async () => {
    const namespace = {
      metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    }
    assert.equal((await cluster.request('POST', '/api/v1/namespaces', namespace)).status, 201)
    await cluster.kubectl(['create', 'quota', 'few', '--hard=configmaps=0', '-n', 'strict'])
    // At first the namespace has no service account yet, which is another reason to refuse a pod.
    const tooFree = () =>
      cluster.kubectl(['run', 'free', '--image=x', '-n', 'strict', '--dry-run=server'], { allowFailure: true })
    await until('the pod is refused as too free', tooFree, {
      limitMs: LIMIT_MS,
      accept: ({ stderr }) => stderr.includes('violates PodSecurity "restricted'),
    })
    const tooMany = () => cluster.kubectl(['create', 'configmap', 'more', '-n', 'strict'], { allowFailure: true })
    await until('the quota counts', tooMany, {
      limitMs: LIMIT_MS,
      accept: (seen) => /exceeded quota/.test(seen.stderr),
    })
    const nobody = { as: 'nobody', allowFailure: true }
    assert.match((await cluster.kubectl(['get', 'pods'], nobody)).stderr, /User "nobody" cannot list/)
  })

  test('shows the warnings of an answer', async () => {
    const env = [{ name: 'A' }, { name: 'A', value: 'again' }]
    const pod = { metadata: { name: 'twice' }, spec: { containers: [{ name: 'app', image: 'app:1', env }] } }
    const answer = await cluster.request('POST', '/api/v1/namespaces/default/pods?dryRun=All', pod)
    assert.equal(answer.status, 201)
    assert.match(answer.warnings.join('\n'), /^spec\.containers\[0\]\.env\[1\]: hides previous definition of "A"/)
  })

  test('serves metrics, and kubectl says what failed', async () => {
    assert.match(await cluster.metrics(), /^apiserver_request_total\{/m)
    await assert.rejects(cluster.kubectl(['get', 'pod', 'missing']), /kubectl .*get pod missing.*\n.*NotFound/)
  })

  test('reads the input that kubectl is given', async () => {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'piped' } })
    assert.match((await cluster.kubectl(['apply', '-f', '-'], { input })).stdout, /configmap\/piped created/)
  })

  test('is found again by its run folder, and runs beside another cluster', async () => {
    const again = await connectCluster(cluster.folder)
    assert.equal(again.url, cluster.url)
    assert.match((await again.kubectl(['get', 'namespaces'])).stdout, /default/)
    await using second = await startCluster({ parent })
    assert.notEqual(second.url, cluster.url)
    assert.equal((await second.get('/api/v1/namespaces/default/configmaps/kept')).status, 404)
    assert.equal((await cluster.get('/version')).status, 200)
  })
})

describe('nothing stays behind', () => {
  test('when a cluster is stopped', async () => {
    const cluster = await startCluster({ parent })
    const processes = processesOf(cluster.folder)
    assert.equal(processes.length, 3)
    await cluster.stop()
    assert.deepEqual(processes.filter(isAlive), [])
    assert.ok(!existsSync(cluster.folder))
  })

  test('when its owner is ended by SIGTERM', async () => {
    const { owner, folder, processes } = await clusterOfAnotherProcess()
    owner.kill('SIGTERM')
    const [, by] = await once(owner, 'exit')
    assert.equal(by, 'SIGTERM')
    await until('its processes have ended', () => !processes.some(isAlive), { limitMs: LIMIT_MS })
    assert.ok(!existsSync(folder))
  })

  test('when its owner is killed: no process at once, and no folder after the next start', async (context) => {
    const { owner, folder, processes } = await clusterOfAnotherProcess()
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    if (process.platform === 'linux') {
      await until('its processes have ended', () => !processes.some(isAlive), { limitMs: LIMIT_MS })
    } else {
      context.diagnostic('without setpriv the processes live until the next start')
    }
    assert.ok(existsSync(folder))
    await using next = await startCluster({ parent })
    assert.deepEqual(processes.filter(isAlive), [])
    assert.deepEqual(readdirSync(parent), [next.folder.slice(parent.length + 1)])
  })

  test('unless it is detached: then it outlives its owner and the next start, until it is stopped', async () => {
    const { owner, folder, processes } = await clusterOfAnotherProcess({ detached: true })
    owner.kill('SIGKILL')
    await once(owner, 'exit')
    await using _next = await startCluster({ parent })
    const cluster = await connectCluster(folder)
    assert.equal((await cluster.get('/version')).status, 200)
    await cluster.stop()
    assert.deepEqual(processes.filter(isAlive), [])
    assert.ok(!existsSync(folder))
  })
})

/** Starts a process that starts a cluster and stays. */
async function clusterOfAnotherProcess(options: { detached?: boolean } = {}) {
  const program = `
    import { startCluster } from ${JSON.stringify(new URL('../../support/cluster/cluster.ts', import.meta.url).href)}
    const cluster = await startCluster(${JSON.stringify({ parent, ...options })})
    console.log(cluster.folder)
    setInterval(() => {}, 60_000)
  `
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [folder] = (await once(createInterface(owner.stdout), 'line')) as [string]
  return { owner, folder, processes: processesOf(folder) }
}

function processesOf(folder: string): Identity[] {
  return recordedProcesses(folder).map((name) => {
    const identity = recordedProcess(folder, name)
    assert.ok(identity && isAlive(identity), `${name} runs`)
    return identity
  })
}
