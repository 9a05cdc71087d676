import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { JsonObject } from '../../../src/json.ts'
import type { ConfigMap, Pod } from '../../../src/kube/objects.ts'
import { GRANT_ANNOTATION, lockConfigMapName } from '../../../src/names.ts'
import { startCluster } from '../../support/cluster/cluster.ts'
import { openScene, revisionOf, running, type Scene } from '../../support/installation/migrating.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { startControllerProcess } from '../../support/lock/controller-process.ts'
import { startReloader, trackedByFlagger } from '../../support/lock/neighbours.ts'
import { until } from '../../support/until.ts'

/** A real API server, whose pods have no node: what kubelet would report is written by hand. */
const cluster = await startCluster()
const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig })
after(async () => {
  await controller.stop('SIGKILL')
  await cluster.stop()
})
await controller.untilLeading()

const NAME = lockConfigMapName('web')
const LIMIT_MS = 60_000

function core(scene: Scene, path: string): string {
  return `/api/v1/namespaces/${scene.namespace}/${path}`
}

async function record(scene: Scene): Promise<ConfigMap | undefined> {
  const { status, body } = await cluster.get<ConfigMap>(core(scene, `configmaps/${NAME}`))
  return status === 200 ? body : undefined
}

/** What this pod is told, once it is told something. Its wrapper waits. */
async function toldTo(scene: Scene, pod: Pod): Promise<string> {
  await scene.tell(pod, running())
  const read = async () => (await cluster.get<Pod>(core(scene, `pods/${pod.metadata.name}`))).body
  const told = await until('the pod is told something', read, {
    limitMs: LIMIT_MS,
    accept: ({ metadata }) => /^(run|skip)/.test(metadata.annotations?.[GRANT_ANNOTATION] ?? ''),
  })
  return told.metadata.annotations?.[GRANT_ANNOTATION] ?? ''
}

/** Plays the run of a pod to its success, and returns the record of it. */
async function migrate(scene: Scene, pod: Pod): Promise<ConfigMap> {
  const grant = await toldTo(scene, pod)
  assert.match(grant, /^run /)
  const now = new Date().toISOString()
  const terminated = { exitCode: 0, message: grant, reason: 'Completed', startedAt: now, finishedAt: now }
  await scene.tell(pod, { state: { terminated } })
  const found = await until('it is recorded', () => record(scene), {
    limitMs: LIMIT_MS,
    accept: (seen) => seen?.data?.[`completed.${revisionOf(pod)}`] !== undefined,
  })
  assert.ok(found)
  return found
}

/** A migrated Deployment, its pod, and its record as a backup tool keeps it. */
async function migrated() {
  const scene = await openScene(cluster)
  const [pod] = await scene.deploy('web', { replicas: 1 })
  assert.ok(pod)
  const { metadata, data = {} } = await migrate(scene, pod)
  const { name, labels = {}, annotations = {}, ownerReferences = [] } = metadata
  return { scene, pod, backup: { metadata: { name, labels, annotations }, data }, ownerReferences }
}

async function removeDeployment(scene: Scene): Promise<void> {
  await scene.send('DELETE', `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`)
  await until('all of it is gone', () => Promise.all([scene.pods('web'), record(scene)]), {
    limitMs: LIMIT_MS,
    accept: ([pods, left]) => pods.length === 0 && left === undefined,
  })
}

const VELERO = 'fieldManager=velero-server'

/** The Deployment made anew after its record came back: its pod must migrate, whatever that says. */
async function assertRunsAgain(scene: Scene, revision: string): Promise<void> {
  const [pod] = await scene.deploy('web', { replicas: 1 })
  assert.ok(pod)
  assert.equal(revisionOf(pod), revision, 'the same template')
  assert.match(await toldTo(scene, pod), /^run /)
  const { data, metadata } = (await record(scene)) ?? {}
  assert.equal(data?.[`completed.${revision}`], undefined, 'and it is not left in the record')
  assert.equal(data?.['uid'], metadata?.uid)
}

describe('a record that comes back from a backup', () => {
  test('L12: without its owner: it runs', async () => {
    const { scene, pod, backup } = await migrated()
    await removeDeployment(scene)
    await scene.send('POST', core(scene, `configmaps?${VELERO}`), backup)
    await assertRunsAgain(scene, revisionOf(pod))
  })

  test('L12: without its owner, and without a word of who wrote it: it runs', async () => {
    const { scene, pod, backup } = await migrated()
    await removeDeployment(scene)
    await scene.send('POST', core(scene, `configmaps?${VELERO}`), backup)
    const untracked = { metadata: { managedFields: [{}] } }
    await scene.send('PATCH', core(scene, `configmaps/${NAME}`), untracked, MERGE_PATCH)
    await assertRunsAgain(scene, revisionOf(pod))
  })

  test('L12: with the owner that it had, whose UID is gone: it runs', async () => {
    const { scene, pod, backup, ownerReferences } = await migrated()
    await removeDeployment(scene)
    const metadata = { ...backup.metadata, ownerReferences }
    await scene.send('POST', core(scene, `configmaps?${VELERO}`), { ...backup, metadata })
    await assertRunsAgain(scene, revisionOf(pod))
  })

  test('L12: into another namespace: it runs there', async () => {
    const { pod, backup } = await migrated()
    const scene = await openScene(cluster)
    await scene.send('POST', core(scene, `configmaps?${VELERO}`), backup)
    await assertRunsAgain(scene, revisionOf(pod))
  })

  for (const [what, bring] of [
    ['made anew', 'POST'],
    ['written over it', 'PUT'],
  ] as const)
    test(`L12: with an older content, ${what}: what was taken out since, to have it run again, runs`, async () => {
      const { scene, pod, backup, ownerReferences } = await migrated()
      const path = core(scene, `configmaps/${NAME}`)
      const entry = `completed.${revisionOf(pod)}`
      await scene.send('PATCH', path, { data: { [entry]: null } }, MERGE_PATCH)
      await scene.send('DELETE', core(scene, `pods/${pod.metadata.name}?gracePeriodSeconds=0`))
      const [again] = await until('there is another pod', () => scene.pods('web'), {
        limitMs: LIMIT_MS,
        accept: ([each]) => each !== undefined && each.metadata.uid !== pod.metadata.uid,
      })
      assert.ok(again)
      const grant = await toldTo(scene, again)
      assert.match(grant, /^run /)
      const older = { ...backup, metadata: { ...backup.metadata, ownerReferences } }
      if (bring === 'POST') await scene.send('DELETE', path)
      await scene.send(bring, `${bring === 'POST' ? core(scene, 'configmaps') : path}?${VELERO}`, older)
      // Its failure has the controller look, and find out anew who holds the lock.
      const now = new Date().toISOString()
      const terminated = { exitCode: 1, message: grant, reason: 'Error', startedAt: now, finishedAt: now }
      await scene.tell(again, { state: running().state ?? {}, lastState: { terminated }, restartCount: 1 })
      const settled = await until('the lock is settled', () => record(scene), {
        limitMs: LIMIT_MS,
        accept: (seen) =>
          Number(seen?.data?.['number']) >= Number(grant.slice(4)) && seen?.data?.['uid'] === seen?.metadata.uid,
      })
      assert.equal(settled?.data?.[entry], undefined)
    })

  test('L8, L12: one that was only orphaned is adopted with its records', async () => {
    const { scene, pod } = await migrated()
    const path = `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`
    await scene.send('DELETE', path, { propagationPolicy: 'Orphan' })
    await until('it is gone', () => cluster.get(path), { limitMs: LIMIT_MS, accept: ({ status }) => status === 404 })
    assert.deepEqual((await record(scene))?.metadata.ownerReferences ?? [], [])
    // With the same template it adopts the ReplicaSet and its pod; another pod has the controller look.
    const pods = await scene.deploy('web', { replicas: 2 })
    const second = pods.find(({ metadata }) => metadata.uid !== pod.metadata.uid)
    assert.ok(second)
    assert.equal(await toldTo(scene, second), 'skip')
  })
})

describe('what restarts apps whose configuration has changed', () => {
  /** As people write it who use both; the ConfigMap of their own is there. */
  const manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      annotations: { 'migrate.io/command': 'python manage.py migrate', 'reloader.stakater.com/auto': 'true' },
    },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              name: 'web',
              image: 'registry.example.com/shop:1',
              envFrom: [{ configMapRef: { name: 'web-settings' } }],
            },
          ],
        },
      },
    },
  }

  /** Applies it, migrates, and lets `after` see what came of it. */
  async function deployed() {
    const scene = await openScene(cluster)
    await scene.send('POST', core(scene, 'configmaps'), { metadata: { name: 'web-settings' }, data: { COLOUR: 'red' } })
    const decision = decideInjection({ object: manifest as unknown as JsonObject, optedIn: true })
    assert.ok(decision.kind !== 'refused')
    await scene.send('POST', `/apis/apps/v1/namespaces/${scene.namespace}/deployments`, decision.deployment)
    const [pod] = await until('it has its pod', () => scene.pods('web'), {
      limitMs: LIMIT_MS,
      accept: ({ length }) => length === 1,
    })
    assert.ok(pod)
    return { scene, pod }
  }

  const settings = (scene: Scene, COLOUR: string) =>
    scene.send('PATCH', core(scene, 'configmaps/web-settings'), { data: { COLOUR } }, MERGE_PATCH)

  test('N1: Reloader leaves it alone through a whole migration, and restarts it for a change of its own settings', async () => {
    const { scene, pod } = await deployed()
    await using reloader = startReloader(cluster, scene.namespace)
    await migrate(scene, pod)
    const before = reloader.seen(NAME)
    // A failure, a repetition or a new revision would be more of the same: another write.
    await scene.send('PATCH', core(scene, `configmaps/${NAME}`), { data: { note: 'by hand' } }, MERGE_PATCH)
    await until('Reloader has seen all of it', () => reloader.seen(NAME), {
      limitMs: LIMIT_MS,
      accept: (seen) => before !== undefined && seen !== undefined && seen.changes > before.changes,
    })
    assert.ok((reloader.seen(NAME)?.changes ?? 0) >= 2, 'it followed the record')
    assert.deepEqual(reloader.restarted(), [])
    await settings(scene, 'blue')
    await until('it restarts what refers to the settings', reloader.restarted, {
      limitMs: LIMIT_MS,
      accept: (restarted) => restarted.join() === 'web because of web-settings',
    })
  })

  test('N1: Flagger sees no change either, and one in the settings', async () => {
    const { scene, pod } = await deployed()
    const tracked = () => trackedByFlagger(cluster, scene.namespace, 'web')
    const before = await tracked()
    assert.deepEqual(Object.keys(before), ['web-settings'])
    await migrate(scene, pod)
    assert.deepEqual(await tracked(), before)
    await settings(scene, 'blue')
    assert.notDeepEqual(await tracked(), before)
  })
})
