import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { migrateIo, startMigrateIo } from '../../support/cli/run-cli.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { answer, held, start } from '../../support/installation/held.ts'
import { openScene, revisionOf, running, type Scene } from '../../support/installation/migrating.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { makeLimitedUser } from '../../support/lock/limited-user.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 30_000
const FORCE = '--yes-i-know-that-it-may-still-run'
const OPTED_IN = { 'migrate.io/injection': 'enabled' }

function argsOf(scene: Scene, ...args: string[]): string[] {
  return [...args, '--kubeconfig', cluster.kubeconfig, '-n', scene.namespace]
}

interface Restarted {
  readonly spec: { readonly template: { readonly metadata: { readonly annotations?: Record<string, string> } } }
}

async function restartedAt({ namespace }: Scene): Promise<string | undefined> {
  const { body } = await cluster.get<Restarted>(`/apis/apps/v1/namespaces/${namespace}/deployments/web`)
  return body.spec.template.metadata.annotations?.['kubectl.kubernetes.io/restartedAt']
}

describe('migrate-io unlock', () => {
  test('says that a lock is free', async () => {
    const scene = await openScene(cluster)
    await scene.deploy('web')
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web'))
    assert.deepEqual([code, stderr], [0, 'The lock is free.\n'])
  })

  test('deletes a runner on a ready node after asking, and waits until the lock is let go', async () => {
    const { scene, pod, path, look } = await held(cluster, 'True')
    const asked = migrateIo(argsOf(scene, 'unlock', 'web'))
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, /holds the lock, as run 3 .*\n.*is ready\. .*may be changing the database/)
    assert.match(asked.stderr, /it runs again in another pod/)
    assert.match(asked.stderr, /standard input isn't a terminal: add --yes/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined, 'nothing was done')

    const unlocking = start(argsOf(scene, 'unlock', 'web', '--yes'))
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
    assert.match(stdout, new RegExp(`Pod ${pod.metadata.name} no longer holds the lock of web`))
  })

  test('on a lost node --yes is not enough: it takes the name of the pod, or an option that says what it risks', async () => {
    const { scene, pod, look } = await held(cluster, 'Unknown')
    const { name } = pod.metadata
    const refused = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is not ready, for 5m.*it is unknown whether its containers still run/)
    assert.match(refused.stderr, /can't prevent two migrations from running at once/)
    assert.ok(refused.stderr.includes(FORCE))

    const wrong = await answer(argsOf(scene, 'unlock', 'web'), /by force:/, { says: 'y' })
    assert.equal(wrong.code, 1)
    assert.match(wrong.shown, new RegExp(`Type ${name} to delete that pod by force:`))
    assert.match(wrong.shown, /nothing was changed/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)

    const unlocking = start(argsOf(scene, 'unlock', 'web', FORCE))
    await until('the pod object is gone', async () => (await look()) === undefined, { limitMs: LIMIT_MS })
    await scene.record('web', { number: 3 })
    assert.equal((await unlocking).code, 0)
  })

  test('a grace period of 0 in the pod template is none that it deletes with: its node ends the run first', async () => {
    const { scene, path, look } = await held(cluster, 'True', { graceSeconds: 0 })
    const unlocking = start(argsOf(scene, 'unlock', 'web', '--yes'))
    const ending = await until('the pod is asked to end', look, {
      limitMs: LIMIT_MS,
      accept: (seen) => seen?.metadata.deletionTimestamp !== undefined,
    })
    assert.equal(ending?.metadata.deletionGracePeriodSeconds, 1)
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    await scene.record('web', { number: 3 })
    assert.equal((await unlocking).code, 0)
  })

  test('a pod of phase Failed whose node has not said that it ended is no safe deletion, since it would go at once', async () => {
    const { scene, pod, look } = await held(cluster, 'True')
    await scene.tell(pod, running(), 'Failed')
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(code, 1)
    assert.match(stderr, /Its phase is Failed.*deletes such a pod at once/)
    assert.ok(stderr.includes(FORCE))
    assert.ok(await look())
  })

  test('a node that comes back while it asks: nothing is taken away', async () => {
    const { scene, pod, node, look } = await held(cluster, 'Unknown')
    const { code, shown } = await answer(argsOf(scene, 'unlock', 'web'), /by force:/, {
      meanwhile: () => scene.setReady(node, 'True'),
      says: pod.metadata.name,
    })
    assert.equal(code, 1, shown)
    assert.match(shown, /is ready\. .*has changed in the meantime, so nothing was done: run the command again/s)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)
  })

  test('a run that ends while it asks, and another one that begins: the other one is left alone', async () => {
    const { scene, pod, look } = await held(cluster, 'True')
    const ask = (number: number, isHeld: boolean) =>
      answer(argsOf(scene, 'unlock', 'web'), /Delete pod/, {
        meanwhile: async () => {
          const { name, uid } = pod.metadata
          if (isHeld) await scene.grant(pod, `run ${number}`)
          const holder = isHeld ? { pod: name, uid, revision: revisionOf(pod) } : undefined
          await scene.record('web', { number, holder })
        },
        says: 'y',
      })
    const another = await ask(4, true)
    assert.equal(another.code, 1, another.shown)
    assert.match(another.shown, /as run 4 .*has changed in the meantime/s)
    const free = await ask(4, false)
    assert.equal(free.code, 0, free.shown)
    assert.match(free.shown, /The lock is free\./)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)
  })

  test('a runner that is being deleted is waited for', async () => {
    const { scene, path } = await held(cluster, 'True')
    await scene.send('DELETE', path)
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(code, 1)
    assert.match(stderr, /being deleted, and its grace period ends in (\d+)s/)
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    const gone = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.match(gone.stderr, /That pod is gone\. The migrate\.io controller /)
  })

  test('says which permission is missing, and what is wrong with its arguments', async () => {
    const { scene, look } = await held(cluster, 'True')
    const user = await makeLimitedUser(cluster, scene.namespace)
    await user.allow([
      { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list'] },
      { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['get', 'list'] },
    ])
    const args = ['unlock', 'web', '--yes', '--kubeconfig', user.kubeconfig, '-n', scene.namespace]
    const { code, stderr } = await until('the role counts', () => migrateIo(args), {
      limitMs: LIMIT_MS,
      accept: (result) => !/verb "(list|get)"/.test(result.stderr),
    })
    assert.equal(code, 1)
    assert.match(stderr, /you have no permission to read \(get nodes\)/)
    assert.match(stderr, /this needs verb "delete" on resource "pods" of API group "" in namespace scene-/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)
    for (const wrong of [[], ['web', '--lock', 'a'], ['Web'], ['--lock', 'A b']])
      assert.equal(migrateIo(argsOf(scene, 'unlock', ...wrong)).code, 2, wrong.join(' '))
  })
})

describe('migrate-io unlock, where nobody may take the lock for free', () => {
  const configMaps = (scene: Scene) => `/api/v1/namespaces/${scene.namespace}/configmaps`

  test('its ConfigMap is missing while a pod was told to run', async () => {
    const { scene, pod } = await held(cluster, 'True')
    await scene.tell(pod, running(), 'Running')
    await scene.send('DELETE', `${configMaps(scene)}/deployment.web.migrate-io`)
    const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(code, 1, stderr)
    assert.match(stderr, new RegExp(`Pod ${pod.metadata.name} was granted a run and hasn't ended`))
  })

  test('its ConfigMap is somebody else’s, or was edited', async () => {
    const scene = await openScene(cluster)
    await scene.deploy('web')
    await scene.record('web', { number: 3 })
    const path = `${configMaps(scene)}/deployment.web.migrate-io`
    await scene.send('PATCH', path, { data: { number: '2' } }, MERGE_PATCH)
    const edited = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(edited.code, 1)
    assert.match(edited.stderr, /Another client edited the record/)
    await scene.send('PATCH', path, { metadata: { labels: { 'migrate.io/record': null } } }, MERGE_PATCH)
    const foreign = migrateIo(argsOf(scene, 'unlock', 'web', '--yes'))
    assert.equal(foreign.code, 1)
    assert.match(foreign.stderr, /wasn't created by migrate\.io/)
  })

  test('another Deployment has the lock that it shares: says who, and deletes nothing of its own', async () => {
    const { scene, pod } = await held(cluster, 'True', { lock: 'orders-db' })
    await scene.share('orders-db', pod, { number: 3, deployment: 'web' })
    const [other] = await scene.deploy('other', { settings: { lock: 'orders-db' } })
    assert.ok(other)
    await scene.tell(other, running())
    for (const holder of [
      undefined,
      { pod: other.metadata.name, uid: other.metadata.uid, revision: revisionOf(other), lock: 'orders-db' },
    ]) {
      await scene.record('other', { number: 1, holder })
      const { code, stderr } = migrateIo(argsOf(scene, 'unlock', 'other', '--yes'))
      assert.equal(code, 1, stderr)
      assert.match(stderr, new RegExp(`Pod ${pod.metadata.name} holds the lock orders-db, as run 3 of Deployment web`))
      assert.match(stderr, new RegExp(`migrate-io unlock --lock orders-db -n ${scene.namespace}`))
    }
    const { body } = await cluster.get<Pod>(`/api/v1/namespaces/${scene.namespace}/pods/${other.metadata.name}`)
    assert.equal(body.metadata.deletionTimestamp, undefined)
  })
})

describe('migrate-io unlock --lock', () => {
  const lock = 'orders-db'
  const unlock = (scene: Scene, ...args: string[]) => migrateIo(argsOf(scene, 'unlock', '--lock', lock, ...args))

  test('says that nobody ever had it, or which pod may have it where its ConfigMap is lost', async () => {
    const scene = await openScene(cluster)
    const never = unlock(scene, '--yes')
    assert.equal(never.code, 0)
    assert.match(never.stderr, /No run has ever held a lock orders-db/)
    const { scene: other, pod } = await held(cluster, 'True', { lock })
    const lost = unlock(other, '--yes')
    assert.equal(lost.code, 1, lost.stderr)
    assert.match(lost.stderr, new RegExp(`pod ${pod.metadata.name} may be running.*migrate-io unlock web`))
  })

  test('finds whoever has it, and waits until that one has let it go', async () => {
    const { scene, pod, path, look } = await held(cluster, 'True', { lock })
    await scene.share(lock, pod, { number: 3, deployment: 'web' })
    const asked = unlock(scene)
    assert.match(asked.stderr, /holds the lock orders-db, as run 3 of Deployment web, since/)
    assert.match(asked.stderr, new RegExp(`"Delete pod ${pod.metadata.name}\\?.* add --yes`))
    const unlocking = start(argsOf(scene, 'unlock', '--lock', lock, '--yes'))
    await until('the pod is asked to end', look, {
      limitMs: LIMIT_MS,
      accept: (seen) => seen?.metadata.deletionTimestamp !== undefined,
    })
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    await scene.record('web', { number: 3 })
    const { code, stdout, stderr } = await unlocking
    assert.equal(code, 0, stderr)
    assert.match(stdout, /no longer holds the lock orders-db/)
  })

  test('its Deployment is gone, and its pod is on a lost node: frees it by force', async () => {
    const { scene, pod, look } = await held(cluster, 'Unknown', { lock })
    await scene.share(lock, pod, { number: 3, deployment: 'web' })
    const base = `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`
    await scene.send('DELETE', base, { propagationPolicy: 'Orphan' })
    await cluster.request('DELETE', `/api/v1/namespaces/${scene.namespace}/configmaps/deployment.web.migrate-io`)
    const refused = unlock(scene, '--yes')
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is not ready, for 5m.*it is unknown.*can't prevent two/s)
    assert.ok(await look())
    const forced = unlock(scene, FORCE)
    assert.equal(forced.code, 0, forced.stderr)
    assert.notEqual((await look())?.metadata.uid, pod.metadata.uid)
  })

  test('where its ConfigMap does not know the Deployment any more, its pod tells', async () => {
    const { scene, pod } = await held(cluster, 'True', { lock })
    await scene.share(lock, pod, { number: 3, deployment: '' })
    const { code, stderr } = unlock(scene)
    assert.equal(code, 1)
    assert.match(stderr, /holds the lock orders-db, as run 3 of a Deployment that is gone.*\n.*is ready/)
  })

  test('a run that is over does not hold it, whatever that Deployment runs now: nothing is deleted', async () => {
    const { scene, pod, look } = await held(cluster, 'True')
    await scene.share(lock, pod, { number: 2, deployment: 'web' })
    const { code, stderr } = unlock(scene, '--yes')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /The lock orders-db is free: run 2 of Deployment web.*is over/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)
  })
})

describe('what the help says is needed is enough', () => {
  const ROLLOUTS = { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list'] }
  const core = (...verbs: string[]) => ({ apiGroups: [''], resources: ['pods', 'configmaps'], verbs })
  const DELETE = { apiGroups: [''], resources: ['pods'], verbs: ['delete'] }

  test('for unlock; what is missing is told before anything is deleted', async () => {
    const { scene, path, look } = await held(cluster, 'True')
    const user = await makeLimitedUser(cluster, scene.namespace)
    const args = ['unlock', 'web', '--yes', '--kubeconfig', user.kubeconfig, '-n', scene.namespace]
    await user.allow([ROLLOUTS, core('list'), DELETE])
    const refused = await until('the role counts', () => migrateIo(args), {
      limitMs: LIMIT_MS,
      accept: ({ stderr }) => !stderr.includes('verb "list"'),
    })
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /this needs verb "get" on resource "configmaps"/)
    assert.equal((await look())?.metadata.deletionTimestamp, undefined)

    await user.allow([ROLLOUTS, core('get', 'list'), DELETE])
    await until('the role counts', () => migrateIo(args.filter((each) => each !== '--yes')), {
      limitMs: LIMIT_MS,
      accept: ({ stderr }) => stderr.includes('add --yes'),
    })
    const unlocking = start(args)
    await until('the pod is asked to end', look, {
      limitMs: LIMIT_MS,
      accept: (seen) => seen?.metadata.deletionTimestamp !== undefined,
    })
    await scene.send('DELETE', path, { gracePeriodSeconds: 0 })
    await scene.record('web', { number: 3 })
    const { code, stderr } = await unlocking
    assert.equal(code, 0, stderr)
  })

  test('for a runner that the list of pending pods does not show, and for rerun', async () => {
    const { scene, pod } = await held(cluster, 'True')
    await scene.tell(pod, running(), 'Running')
    const user = await makeLimitedUser(cluster, scene.namespace)
    const place = ['--kubeconfig', user.kubeconfig, '-n', scene.namespace]
    await user.allow([ROLLOUTS, core('get', 'list')])
    const seen = await until('the role counts', () => migrateIo(['unlock', 'web', ...place]), {
      limitMs: LIMIT_MS,
      accept: ({ stderr }) => !stderr.includes('this needs verb'),
    })
    assert.match(seen.stderr, /holds the lock, as run 3/)
    await user.allow([ROLLOUTS, core('get', 'list'), { ...ROLLOUTS, resources: ['deployments'], verbs: ['patch'] }])
    const again = await until('the role counts', () => migrateIo(['rerun', 'web', '--yes', ...place]), {
      limitMs: LIMIT_MS,
      accept: ({ stderr }) => !stderr.includes('this needs verb'),
    })
    assert.equal(again.code, 0, again.stderr)
  })
})

describe('migrate-io rerun', () => {
  test('starts a rollout as kubectl rollout restart does, and leaves the record alone', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const [pod] = await scene.deploy('web')
    assert.ok(pod)
    await scene.record('web', { number: 1, completed: [revisionOf(pod)] })
    const asked = migrateIo(argsOf(scene, 'rerun', 'web'))
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, /web is Migrated\. .*\n.*as a new revision.*\n.*add --yes/)
    assert.equal(await restartedAt(scene), undefined)

    const { code, stdout, stderr } = migrateIo(argsOf(scene, 'rerun', 'deploy/web', '--yes'))
    assert.deepEqual([code, stdout], [0, 'deployment/web restarted\n'], stderr)
    assert.match(stderr, new RegExp(`migrate-io logs web -n ${scene.namespace} -f`))
    assert.match((await restartedAt(scene)) ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
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
    const left = migrateIo(argsOf(scene, 'rerun', 'web', '--yes'))
    assert.equal(left.code, 1)
    assert.match(
      left.stderr,
      /would remove the migration.*first: kubectl label namespace scene-\w+ migrate\.io\/injection=enabled/,
    )
    await scene.send('PATCH', `/api/v1/namespaces/${scene.namespace}`, { metadata: { labels: OPTED_IN } }, MERGE_PATCH)
    await scene.send('PATCH', path, { spec: { paused: true } }, MERGE_PATCH)
    const paused = migrateIo(argsOf(scene, 'rerun', 'web', '--yes'))
    assert.equal(paused.code, 1)
    assert.match(paused.stderr, /web is paused; first: kubectl -n scene-\w+ rollout resume deployment\/web/)
    await scene.send('PATCH', path, { spec: { paused: false, replicas: 0 } }, MERGE_PATCH)
    const empty = migrateIo(argsOf(scene, 'rerun', 'web', '--yes'))
    assert.equal(empty.code, 1)
    assert.match(empty.stderr, /web has 0 replicas.*first: kubectl -n scene-\w+ scale deployment\/web --replicas=1/)
    assert.equal(await restartedAt(scene), undefined)
  })

  test('looks again after the answer: one that was paused, or deployed anew, while it asked is left alone', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    await scene.deploy('web')
    const path = `/apis/apps/v1/namespaces/${scene.namespace}/deployments/web`
    const ask = (change: object) =>
      answer(argsOf(scene, 'rerun', 'web'), /Start a rollout/, {
        meanwhile: () => scene.send('PATCH', path, change, MERGE_PATCH),
        says: 'y',
      })
    const deployed = await ask({ spec: { template: { metadata: { labels: { version: '2' } } } } })
    assert.equal(deployed.code, 1, deployed.shown)
    assert.match(deployed.shown, /web has changed in the meantime, so nothing was done/)
    const paused = await ask({ spec: { paused: true } })
    assert.equal(paused.code, 1, paused.shown)
    assert.match(paused.shown, /web is paused/)
    assert.equal(await restartedAt(scene), undefined)
  })

  test('twice within a second: the second one says that it changed nothing', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    await scene.deploy('web')
    const stopped = 'const D=Date;globalThis.Date=class extends D{constructor(...a){super(...(a.length?a:[1.7e12]))}}'
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(stopped)}` }
    const first = await startMigrateIo(argsOf(scene, 'rerun', 'web', '--yes'), { env })
    assert.equal(first.code, 0, first.stderr)
    const second = await startMigrateIo(argsOf(scene, 'rerun', 'web', '--yes'), { env })
    assert.equal(second.code, 1)
    assert.match(second.stderr, /was already restarted within this second, so nothing was changed/)
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
    assert.match(stderr, /a deleted pod takes its log with it/)
  })
})
