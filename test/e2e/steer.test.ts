import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import type { Pod } from '../../src/kube/objects.ts'
import { migrateIo } from '../cli/run-cli.ts'
import { sharedCluster } from '../cluster/shared.ts'
import { makeLimitedUser } from '../lock/limited-user.ts'
import { root } from '../tooling/root.ts'
import { until } from '../until.ts'
import { openScene, revisionOf, running, type Scene } from './migrating.ts'
import { MERGE_PATCH } from './place.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 30_000
const FORCE = '--yes-i-know-that-it-may-still-run'

function argsOf(scene: Scene, ...args: string[]): string[] {
  return [...args, '--kubeconfig', cluster.kubeconfig, '-n', scene.namespace]
}

/** Started, while the test plays the others. */
function start(scene: Scene, ...args: string[]) {
  const child = spawn(process.execPath, [`${root}/src/main.ts`, ...argsOf(scene, ...args)])
  child.stdin.end()
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', async (code) => {
      const [stdout, stderr] = await output
      resolve({ code, stdout, stderr })
    }),
  )
}

/** Deployment web, whose first pod has the lock and was told to run, on a node in this state. */
async function held(ready: 'True' | 'Unknown', lock?: string) {
  const scene = await openScene(cluster, { 'migrate.io/injection': 'enabled' })
  const [pod] = await scene.deploy('web', lock === undefined ? {} : { settings: { lock } })
  assert.ok(pod)
  await scene.bind(pod, ready)
  await scene.tell(pod, running())
  await scene.grant(pod, 'run 3')
  const { name, uid } = pod.metadata
  const holder = { pod: name, uid, revision: revisionOf(pod) }
  await scene.record('web', { number: 3, holder: lock === undefined ? holder : { ...holder, lock } })
  const path = `/api/v1/namespaces/${scene.namespace}/pods/${name}`
  const look = async () => {
    const { status, body } = await cluster.get<Pod>(path)
    return status === 200 ? body : undefined
  }
  return { scene, pod, path, look }
}

describe('migrate-io unlock', () => {
  test('says that a lock is free', async () => {
    const scene = await openScene(cluster)
    await scene.deploy('web')
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web'))
    assert.deepEqual([code, stderr], [0, 'The lock is free.\n'])
  })

  test('deletes a runner on a ready node after asking, and waits until the lock is let go', async () => {
    const { scene, pod, path, look } = await held('True')
    const asked = migrateIo(argsOf(scene, 'unlock', 'web'))
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, /holds the lock, as run 3 .*\n.*is ready\. .*may be at work in the database/)
    assert.match(asked.stderr, /it runs again in another pod/)
    assert.match(asked.stderr, /no terminal to read it from: add --yes/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined, 'nothing was done')

    const unlocking = start(scene, 'unlock', 'web', '--yes')
    const ending = await until('the pod is asked to end', look, {
      limitMs: LIMIT_MS,
      accept: (seen) => seen?.metadata.deletionTimestamp !== undefined,
    })
    assert.equal(ending?.metadata.deletionGracePeriodSeconds, 30, 'not by force')
    // What kubelet and our controller do then.
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    await scene.record('web', { number: 3 })
    const { code, stdout, stderr } = await unlocking
    assert.equal(code, 0, stderr)
    assert.match(stdout, new RegExp(`Pod ${pod.metadata.name} does not hold the lock of web any more`))
  })

  test('on a lost node --yes is not enough: it takes the name of the pod, or an option that says what it risks', async () => {
    const { scene, pod, look } = await held('Unknown')
    const { name } = pod.metadata
    const refused = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is not ready, for 5m.*whether its containers run on, nobody can see/)
    assert.match(refused.stderr, /no longer promises that two never run at once/)
    assert.ok(refused.stderr.includes(FORCE))

    const terminal = (answer: string) => {
      const command = [process.execPath, `${root}/src/main.ts`, ...argsOf(scene, 'unlock', 'web')].join(' ')
      return spawnSync('script', ['-qec', command, '/dev/null'], { input: `${answer}\n`, encoding: 'utf8' })
    }
    const wrong = terminal('y')
    assert.equal(wrong.status, 1)
    assert.match(wrong.stdout, new RegExp(`Type ${name} to take that pod away by force:`))
    assert.match(wrong.stdout, /nothing was changed/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)

    const unlocking = start(scene, 'unlock', 'web', FORCE)
    await until('the pod object is gone', async () => (await look()) === undefined, { limitMs: LIMIT_MS })
    await scene.record('web', { number: 3 })
    assert.equal((await unlocking).code, 0)
  })

  test('a runner that is being deleted is waited for', async () => {
    const { scene, path } = await held('True')
    await scene.send('DELETE', path)
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(code, 1)
    assert.match(stderr, /being deleted, and its grace period ends in (\d+)s/)
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    const gone = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.match(gone.stderr, /That pod is gone\. The controller /)
  })

  test('--lock finds whoever has the lock that Deployments share', async () => {
    const { scene, pod } = await held('True', 'orders-db')
    const free = migrateIo(argsOf(scene, 'unlock', '--lock', 'orders-db', '--yes'))
    assert.match(free.stderr, /Nobody has ever held a lock orders-db/)
    const { name, uid } = pod.metadata
    const holder = { pod: name, uid, number: 3, deployment: 'web', deploymentUid: 'x', since: '2026-01-01T12:00:00Z' }
    await scene.send('POST', `/api/v1/namespaces/${scene.namespace}/configmaps?fieldManager=migrate-io`, {
      metadata: { name: 'lock.orders-db.migrate-io', labels: { 'migrate.io/record': 'lock' } },
      data: { turn: '1', holder: JSON.stringify({ ...holder, turn: 1 }) },
    })
    const { stderr } = migrateIo(argsOf(scene, 'unlock', '--lock', 'orders-db'))
    assert.match(stderr, /Deployment web has the lock orders-db/)
    assert.match(stderr, new RegExp(`"Delete pod ${name}\\?.* add --yes`))
  })

  test('says which permission is missing, and what is wrong with its arguments', async () => {
    const { scene, look } = await held('True')
    const user = await makeLimitedUser(cluster, scene.namespace)
    await user.allow([
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list'] },
      { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['list'] },
    ])
    const args = ['unlock', 'web', '--yes', '--kubeconfig', user.kubeconfig, '-n', scene.namespace]
    const { code, stderr } = await until('the role counts', () => migrateIo(args), {
      limitMs: LIMIT_MS,
      accept: (result) => !result.stderr.includes('verb "list"'),
    })
    assert.equal(code, 1)
    assert.match(stderr, /you may not look at \(get nodes\)/)
    assert.match(stderr, /needed is verb "delete" on resource "pods" of API group "" in namespace scene-/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)
    for (const wrong of [[], ['web', '--lock', 'a'], ['Web'], ['--lock', 'A b']])
      assert.equal(migrateIo(argsOf(scene, 'unlock', ...wrong)).code, 2, wrong.join(' '))
  })
})

describe('migrate-io rerun', () => {
  test('starts a rollout as kubectl rollout restart does, and leaves the record alone', async () => {
    const scene = await openScene(cluster, { 'migrate.io/injection': 'enabled' })
    const [pod] = await scene.deploy('web')
    assert.ok(pod)
    await scene.record('web', { number: 1, completed: [revisionOf(pod)] })
    const path = `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`
    const template = async () =>
      (await cluster.get<{ spec: { template: { metadata: { annotations?: Record<string, string> } } } }>(path)).body
        .spec.template.metadata.annotations?.['kubectl.kubernetes.io/restartedAt']
    const asked = migrateIo(argsOf(scene, 'rerun', 'web'))
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, /web is Migrated\. .*\n.*as a new revision.*\n.*add --yes/)
    assert.equal(await template(), undefined)

    const { code, stdout, stderr } = migrateIo(argsOf(scene, 'rerun', 'deploy/web', '--yes'))
    assert.deepEqual([code, stdout], [0, 'deployment/web restarted\n'], stderr)
    assert.match(stderr, new RegExp(`migrate-io logs web -n ${scene.namespace} -f`))
    assert.match((await template()) ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const pods = await until('the new revision has a pod', () => scene.pods('web'), {
      limitMs: LIMIT_MS,
      accept: (seen) => seen.some((each) => revisionOf(each) !== revisionOf(pod)),
    })
    assert.ok(pods.length > 0)
    const { body } = await cluster.get<{ data: object }>(
      `/api/v1/namespaces/${scene.namespace}/configmaps/deployment.web.migrate-io`,
    )
    assert.ok(`completed.${revisionOf(pod)}` in body.data)
  })

  test('does nothing where a rollout would not migrate', async () => {
    const scene = await openScene(cluster)
    await scene.deploy('bare', { isBare: true })
    const bare = migrateIo(argsOf(scene, 'rerun', 'bare', '--yes'))
    assert.equal(bare.code, 1)
    assert.match(bare.stderr, /a rollout would not migrate anything\. It has no annotation migrate\.io\/command/)
    await scene.deploy('web')
    const path = `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`
    await scene.send('PATCH', path, { spec: { paused: true } }, MERGE_PATCH)
    const paused = migrateIo(argsOf(scene, 'rerun', 'web', '--yes'))
    assert.equal(paused.code, 1)
    assert.match(paused.stderr, /web is paused; first: kubectl -n scene-\w+ rollout resume deployment\/web/)
  })
})

describe('migrate-io logs', () => {
  test('says that nothing has run yet, and why', async () => {
    const scene = await openScene(cluster)
    await scene.deploy('web')
    const { code, stdout, stderr } = migrateIo(argsOf(scene, 'logs', 'web'))
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /no pod of revision \w+ has run the migration yet\. Pod web-\w+-\w+ is starting/)
  })

  test('says that the pod is gone with its log', async () => {
    const scene = await openScene(cluster)
    const [pod] = await scene.deploy('web')
    assert.ok(pod)
    await scene.record('web', { number: 1, completed: [revisionOf(pod)] })
    const { code, stderr } = migrateIo(argsOf(scene, 'logs', 'web'))
    assert.equal(code, 1)
    assert.match(stderr, /run 1 in pod web-1/)
    assert.match(stderr, /a pod that is gone takes it along/)
  })
})
