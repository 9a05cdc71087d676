import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, describe, type TestContext, test } from 'node:test'
import { startCluster } from '../cluster/cluster.ts'
import { app } from '../e2e/deployment.ts'
import { type ControllerProcess, startControllerProcess } from '../lock/controller-process.ts'
import { injected } from '../status/injected.ts'
import { root } from '../tooling/root.ts'
import { until } from '../until.ts'
import {
  CONTAINER_MIB,
  each,
  figure,
  HEAP_MIB,
  makeNamespace,
  memoryInWords,
  mib,
  podsOf,
  send,
  startWrapper,
  timeToGrant,
} from './crowd.ts'

const LIMIT_MS = 240_000
const PODS = 100
const CONFIG_MAPS = 450
const EDITED = 5_000

/** The namespace that has done nothing unusual. */
const QUIET = 'quiet'
const cluster = await startCluster()
after(() => cluster.stop())
await makeNamespace(cluster, QUIET)
let deployments = 0

describe('Hostile neighbours of the controller', () => {
  test('S6: 100 pods of 1.4 MB: leader, standby and a fresh start stay within their limit, others are served', async (t) => {
    const hostile = 'large-pods'
    await makeNamespace(cluster, hostile)
    const leader = await start(t)
    await leader.untilLeading()
    const standby = await start(t)
    await servesOthers(t, 'before')
    await each(PODS, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/pods`, largePod(nth))
    })
    await servesOthers(t, 'while they come')
    await watches(leader, PODS)
    // Each change shows all of a pod once more.
    await each(PODS, async (nth) => {
      const change = { metadata: { annotations: { 'migrate.io/grant': `wait 5\n${'x'.repeat(50_000)}` } } }
      await send(cluster, 'PATCH', `/api/v1/namespaces/${hostile}/pods/large-${nth}`, change)
    })
    await servesOthers(t, 'while they change')
    const fresh = await start(t, 'elsewhere')
    await watches(fresh, PODS)
    await staysWithinLimit(t, { leader, standby, fresh })
    await endAll({ leader, standby, fresh })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })

  test('S6: a Deployment of 1.4 MB whose pods all skip: what each write answers is not kept', async (t) => {
    const hostile = 'large-deployment'
    const name = 'large'
    await makeNamespace(cluster, hostile)
    const manifest = injected(name, { replicas: PODS })
    app(manifest).env = [{ name: 'LARGE', value: 'x'.repeat(1_300_000) }]
    await send(cluster, 'POST', `/apis/apps/v1/namespaces/${hostile}/deployments`, manifest)
    const pods = await podsOf(cluster, { namespace: hostile, name, count: PODS })
    const leader = await start(t)
    await leader.untilLeading()
    await watches(leader, PODS)
    const record = `/api/v1/namespaces/${hostile}/configmaps/deployment.${name}.migrate-io`
    await until('its record is there', async () => (await cluster.get(record)).status === 200, { limitMs: LIMIT_MS })
    const revision = pods[0]?.metadata.labels?.['pod-template-hash'] ?? ''
    await send(cluster, 'PATCH', record, { data: { [`completed.${revision}`]: 'by hand' } })
    await each(PODS, async (nth) => startWrapper(cluster, hostile, pods[nth]?.metadata.name ?? ''))
    await servesOthers(t, 'while they skip')
    await until('all were told to skip', () => figure(leader, 'migrate_io_skipped_pods_total'), {
      limitMs: LIMIT_MS,
      accept: (skipped) => skipped >= PODS,
    })
    await staysWithinLimit(t, { leader })
    await endAll({ leader })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })

  test('S6: 450 ConfigMaps of 1 MB: a start, a named lock and the overseer read them, the command line too', async (t) => {
    const hostile = 'large-records'
    await makeNamespace(cluster, hostile)
    await each(CONFIG_MAPS, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/configmaps?fieldManager=migrate-io`, largeRecord(nth))
    })
    await send(
      cluster,
      'POST',
      `/apis/apps/v1/namespaces/${hostile}/deployments`,
      injected('stuck', { replicas: 2, settings: { lock: 'shared' } }),
    )
    const [first, second] = await podsOf(cluster, { namespace: hostile, name: 'stuck', count: 2 })
    assert.ok(first && second)
    await send(cluster, 'POST', `/apis/apps/v1/namespaces/${hostile}/deployments`, injected('pulls', { replicas: 1 }))
    const [pulls] = await podsOf(cluster, { namespace: hostile, name: 'pulls', count: 1 })
    const ours = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0 }
    await send(cluster, 'PATCH', `/api/v1/namespaces/${hostile}/pods/${pulls?.metadata.name}/status`, {
      status: { initContainerStatuses: [{ ...ours, state: { waiting: { reason: 'ImagePullBackOff' } } }] },
    })
    const leader = await start(t)
    await leader.untilLeading()
    await servesOthers(t, 'while it looks for held locks')
    await startWrapper(cluster, hostile, first.metadata.name)
    await servesOthers(t, 'while it makes the named lock anew')
    const events = `/apis/events.k8s.io/v1/namespaces/${hostile}/events`
    const reasons = async () => {
      const { body } = await cluster.get<{ items: { reason: string }[] }>(events)
      return body.items.map(({ reason }) => reason)
    }
    await until('the named lock is theirs', reasons, {
      limitMs: LIMIT_MS,
      accept: (all) => all.includes('MigrationStarted'),
    })
    await isIdle(leader)
    await until('the overseer has looked', reasons, {
      limitMs: LIMIT_MS,
      accept: (all) => all.includes('MigrationWaiting'),
    })
    await servesOthers(t, 'while the overseer looks')
    await staysWithinLimit(t, { leader })

    const args = [`--max-old-space-size=${HEAP_MIB}`, `${root}/src/main.ts`, 'status', '-n', hostile, '-o', 'json']
    const status = spawnSync(process.execPath, [...args, '--kubeconfig', cluster.kubeconfig], { encoding: 'utf8' })
    assert.equal(status.status, 0, status.stderr)
    assert.equal(JSON.parse(status.stdout).deployments.length, 2)
    await endAll({ leader })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })

  test('S6: 5,000 edited records without a Deployment: others are served meanwhile, and then it rests', async (t) => {
    const hostile = 'edited-records'
    await makeNamespace(cluster, hostile)
    await each(EDITED, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/configmaps`, {
        metadata: { name: `deployment.gone-${nth}.migrate-io`, labels: { 'migrate.io/record': 'deployment' } },
        data: { holder: 'mine' },
      })
    })
    const leader = await start(t)
    await leader.untilLeading()
    await until('it looks at them', () => figure(leader, 'migrate_io_queued_locks'), {
      limitMs: LIMIT_MS,
      intervalMs: 5,
      accept: (queued) => queued > 1_000,
    })
    await servesOthers(t, 'while it looks at them')
    const queued = await figure(leader, 'migrate_io_queued_locks')
    assert.ok(queued > EDITED / 2, `others were served when only ${queued} of ${EDITED} were still to be looked at`)
    await isIdle(leader)
    await staysWithinLimit(t, { leader })
    // It looks at each lock that somebody waits for every 30 s.
    let before = Number.NaN
    const sinceLast = async () => {
      const now = reads(await cluster.metrics())
      const difference = now - before
      before = now
      t.diagnostic(`${difference} reads of ConfigMaps within 35 s`)
      return { difference }
    }
    await until('it rests', sinceLast, {
      limitMs: LIMIT_MS,
      intervalMs: 35_000,
      // Those of the quiet namespace, whose runs go on.
      accept: ({ difference }) => difference <= 10 * deployments,
    })
    await endAll({ leader })
  })
})

async function start(t: TestContext, namespace = 'default'): Promise<ControllerProcess> {
  const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig, namespace, heapMib: HEAP_MIB })
  t.after(() => controller.stop('SIGKILL'))
  return controller
}

async function endAll(controllers: Record<string, ControllerProcess>): Promise<void> {
  await Promise.all(Object.values(controllers).map((controller) => controller.stop()))
}

/** Deployments of another namespace get their locks; how soon depends on what else the machine does, and is printed. */
async function servesOthers(t: TestContext, when: string): Promise<void> {
  for (let nth = 0; nth < 3; nth++) {
    const { ms, readsMs } = await timeToGrant(cluster, { namespace: QUIET, name: `quiet-${deployments++}` })
    t.diagnostic(
      `${when}: ${ms.toFixed(0)} ms to the grant of another namespace's pod; as many reads: ${readsMs.toFixed(0)} ms`,
    )
  }
}

async function watches(controller: ControllerProcess, pods: number): Promise<void> {
  await until('it knows all pods', () => figure(controller, 'migrate_io_watched_pods'), {
    limitMs: LIMIT_MS,
    accept: (watched) => watched >= pods,
  })
  await isIdle(controller)
}

async function isIdle(controller: ControllerProcess): Promise<void> {
  await until('nothing waits to be looked at', () => figure(controller, 'migrate_io_queued_locks'), {
    limitMs: LIMIT_MS,
    accept: (queued) => queued === 0,
  })
}

async function staysWithinLimit(t: TestContext, controllers: Record<string, ControllerProcess>): Promise<void> {
  for (const [name, controller] of Object.entries(controllers)) {
    assert.equal(await controller.probe('/healthz'), 200, controller.output())
    t.diagnostic(`${name}: ${memoryInWords(controller.pid)}`)
    assert.ok(mib(controller.pid, 'VmHWM') < CONTAINER_MIB, `${name}: ${memoryInWords(controller.pid)}`)
  }
}

function reads(metrics: string): number {
  const lines = metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)
  return lines
    .filter(([, labels = '']) => labels.includes('resource="configmaps"') && labels.includes('verb="GET"'))
    .reduce((sum, [, , count]) => sum + Number(count), 0)
}

/** Nearly all of it is the volume by which a pod shows whose it is. */
function largePod(nth: number): object {
  const record = { name: `deployment.large-${nth}.migrate-io`, optional: true }
  const serviceAccountToken = { path: 'token', audience: 'x'.repeat(1_400_000) }
  return {
    metadata: { name: `large-${nth}`, labels: { 'migrate.io/protocol': '1' } },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app:1' }],
      volumes: [{ name: 'migrate-io', projected: { sources: [{ configMap: record }, { serviceAccountToken }] } }],
    },
  }
}

/** A third of them somebody else's to read, a third held by a pod that is gone, a third named locks. */
function largeRecord(nth: number): object {
  const kind = ['edited', 'held', 'lock'][nth % 3]
  const large = 'x'.repeat(1_000_000)
  const holder = { pod: 'gone', uid: 'gone', revision: 'a', number: 5, since: '2026-01-01T00:00:00Z' }
  if (kind === 'lock')
    return {
      metadata: { name: `lock.large-${nth}.migrate-io`, labels: { 'migrate.io/record': 'lock' } },
      data: { turn: '1', holder: large },
    }
  return {
    metadata: { name: `deployment.large-${nth}.migrate-io`, labels: { 'migrate.io/record': 'deployment' } },
    data: { number: '5', holder: kind === 'held' ? JSON.stringify(holder) : 'mine', 'completed.a': large },
  }
}
