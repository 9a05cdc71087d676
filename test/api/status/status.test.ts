import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { parse } from 'yaml'
import type { Report } from '../../../src/status/report.ts'
import { migrateIo } from '../../support/cli/run-cli.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { openScene, revisionOf, running, type Scene } from '../../support/installation/migrating.ts'
import { makeLimitedUser } from '../../support/lock/limited-user.ts'
import { root } from '../../support/tooling/root.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 30_000
const ROLLOUTS = { apiGroups: ['apps'], resources: ['deployments', 'replicasets'], verbs: ['list'] }
const OPTED_IN = { 'migrate.io/injection': 'enabled' }

function cli(scene: Scene, ...args: string[]) {
  return migrateIo([...args, '--kubeconfig', cluster.kubeconfig, '-n', scene.namespace])
}

function reportOf(scene: Scene): Report {
  const { stdout, stderr, code } = cli(scene, 'status', '-o', 'json')
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout)
}

/** A Deployment whose first pod runs its migration. */
async function running3(scene: Scene, name: string, lock?: string) {
  const pods = await scene.deploy(name, lock === undefined ? {} : { settings: { lock } })
  for (const pod of pods) await scene.tell(pod, running())
  const [runner] = pods
  assert.ok(runner)
  await scene.grant(runner, 'run 3')
  const holder = { pod: runner.metadata.name, uid: runner.metadata.uid, revision: revisionOf(runner) }
  await scene.record(name, { number: 3, holder: lock === undefined ? holder : { ...holder, lock } })
  return { pods, runner }
}

describe('migrate-io status', () => {
  test('shows a table with all that has to do with us, why it is not migrated, and what to do', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    await scene.deploy('bare', { isBare: true })
    const [done] = await scene.deploy('done')
    assert.ok(done)
    await scene.record('done', { number: 1, completed: [revisionOf(done)] })
    const { runner } = await running3(scene, 'runs')
    const [fails] = await scene.deploy('fails', { settings: { retries: '1' } })
    assert.ok(fails)
    const next = new Date(Date.now() + 8_000).toISOString()
    await scene.record('fails', { number: 2, failed: { revision: revisionOf(fails), count: 2, exit: 3, next } })

    const { code, stdout, stderr } = cli(scene, 'status')
    assert.equal(code, 0, stderr)
    const [header = '', ...rows] = stdout.slice(0, stdout.indexOf('\n\n')).split('\n')
    assert.equal(
      header.trim().replaceAll(/ {2,}/g, '|'),
      'DEPLOYMENT|STATE|REVISION|RUNNER|ATTEMPT|SINCE|NEXT TRY|LOCK|QUEUE',
    )
    assert.deepEqual(
      rows.map((row) => row.split(/ {2,}/).slice(0, 2)),
      [
        ['done', 'Migrated'],
        ['fails', 'Failed'],
        ['runs', 'Running'],
      ],
    )
    assert.ok(rows[2]?.includes(runner.metadata.name))
    assert.match(rows[1] ?? '', /2\/2 .* never /)
    assert.match(stdout, /fails: Failed\. The migration failed with exit code 3, 2 times/)
    assert.match(stdout, new RegExp(`migrate-io logs runs -n ${scene.namespace} -f`))
    assert.doesNotMatch(stdout, /bare/)
    assert.equal(stripVTControlCharacters(stdout), stdout, 'no colour where it is no terminal')
  })

  test('-o json and yaml have the same, for scripts', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const { runner } = await running3(scene, 'web')
    const report = reportOf(scene)
    assert.equal(report.version, 1)
    const [web] = report.deployments
    assert.deepEqual(
      [web?.state, web?.reason, web?.attempt, web?.runner?.pod, web?.revision, web?.rollout],
      ['Running', 'running', 1, runner.metadata.name, revisionOf(runner), 1],
    )
    const { stdout } = cli(scene, 'status', '-o', 'yaml')
    const { why: _, ...others } = parse(stdout).deployments[0]
    const { why: __, ...expected } = web ?? {}
    assert.deepEqual(others, expected)
  })

  test('whose lock it waits for, and who else does', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const { runner } = await running3(scene, 'first', 'orders-db')
    for (const name of ['second', 'third']) {
      const pods = await scene.deploy(name, { settings: { lock: 'orders-db' } })
      for (const pod of pods) await scene.tell(pod, running())
      await scene.record(name, { number: 1 })
    }
    await scene.share('orders-db', runner, { number: 3, deployment: 'first' })
    const [first, second, third] = reportOf(scene).deployments
    assert.equal(first?.state, 'Running')
    for (const each of [second, third]) {
      assert.deepEqual([each?.state, each?.reason, each?.lock.heldBy?.deployment], ['Waiting', 'lock-busy', 'first'])
      assert.deepEqual(each?.lock.queue.toSorted(), ['second', 'third'])
    }
  })

  test('whose lock it waits for is told by the pod, also by one that left phase Pending, where the record is lost', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const [runner] = await scene.deploy('first', { settings: { lock: 'orders-db' } })
    const [waiting] = await scene.deploy('second', { settings: { lock: 'orders-db' } })
    assert.ok(runner && waiting)
    await scene.tell(runner, running(), 'Running')
    await scene.grant(runner, 'run 3')
    await scene.tell(waiting, running())
    await scene.record('second', { number: 1 })
    await scene.share('orders-db', runner, { number: 3, deployment: 'first' })
    const second = reportOf(scene).deployments.find(({ deployment }) => deployment === 'second')
    assert.deepEqual([second?.reason, second?.lock.heldBy?.pod], ['lock-busy', runner.metadata.name])
  })

  test('a runner whose node is lost: the table says what freeing it means', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const { runner } = await running3(scene, 'web')
    const node = await scene.bind(runner, 'Unknown')
    const { stdout } = cli(scene, 'status', 'web')
    assert.match(stdout, new RegExp(`its node ${node} hasn't reported its status for 5m.* \\(NotReady\\)`))
    assert.match(stdout, /If you are certain that its machine is off, free the lock; .*: migrate-io unlock web/)
  })

  test('a namespace without the label, a misspelt annotation, and a Deployment that has none', async () => {
    const scene = await openScene(cluster)
    const path = `/apis/apps/v1/namespaces/${scene.namespace}/deployments`
    await scene.deploy('bare', { isBare: true, replicas: 1 })
    const { body } = await cluster.get<Record<string, object>>(`${path}/bare`)
    for (const [name, annotations] of [
      ['plain', { 'migrate.io/command': 'true' }],
      ['misspelt', { 'migrate.io/comand': 'true' }],
      ['prefix', { 'migrate-io/command': 'true' }],
    ] as const)
      await scene.send('POST', path, { metadata: { name, annotations }, spec: body['spec'] })
    const { deployments } = reportOf(scene)
    assert.deepEqual(
      deployments.map(({ deployment, reason }) => [deployment, reason]),
      [
        ['misspelt', 'bad-annotations'],
        ['plain', 'namespace-not-labelled'],
        ['prefix', 'bad-annotations'],
      ],
    )
    for (const { deployment, why } of deployments)
      assert.match(why, deployment === 'plain' ? /lacks the label/ : /did you mean migrate\.io\/command\?/)
    const bare = cli(scene, 'status', 'deployment/bare')
    assert.equal(bare.code, 0)
    assert.match(bare.stdout, /NotInjected\. It has no annotation migrate\.io\/command/)
    const none = cli(scene, 'status', 'nothing')
    assert.equal(none.code, 1)
    assert.match(none.stderr, /no Deployment nothing in namespace scene-/)
  })

  test('--watch prints a line for each change, and ends when the Deployment is migrated', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const { runner } = await running3(scene, 'web')
    const ended = new Promise<{ stdout: string; code: number | null }>((resolve) => {
      import('node:child_process').then(({ spawn }) => {
        const args = ['status', 'web', '--watch', '--kubeconfig', cluster.kubeconfig, '-n', scene.namespace]
        const child = spawn(process.execPath, [`${root}/src/main.ts`, ...args])
        let stdout = ''
        child.stdout.on('data', (chunk: Buffer) => {
          if (stdout === '') void scene.record('web', { number: 3, completed: [revisionOf(runner)] })
          stdout += chunk.toString()
        })
        child.on('close', (code) => resolve({ stdout, code }))
      })
    })
    const { stdout, code } = await ended
    assert.equal(code, 0)
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ {3}/).slice(1, 3)),
      [
        [`${scene.namespace}/web`, 'Running'],
        [`${scene.namespace}/web`, 'Migrated'],
      ],
    )
  })

  test('on a terminal it is drawn in place, in colour, unless NO_COLOR says otherwise', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    const [done] = await scene.deploy('done')
    assert.ok(done)
    await scene.record('done', { number: 1, completed: [revisionOf(done)] })
    const command = `${process.execPath} ${root}/src/main.ts status done --watch --kubeconfig ${cluster.kubeconfig} -n ${scene.namespace}`
    const onTerminal = (env: Record<string, string>) =>
      spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', env: { ...process.env, ...env } }).stdout
    const coloured = onTerminal({ TERM: 'xterm-256color', FORCE_COLOR: '' })
    assert.ok(coloured.includes('\u001b[HDEPLOYMENT'), JSON.stringify(coloured))
    assert.ok(coloured.includes('\u001b[32mMigrated\u001b[39m'))
    assert.ok(!onTerminal({ TERM: 'xterm-256color', NO_COLOR: '1' }).includes('\u001b[32m'))
  })

  test('as kubectl’s plugin it names commands so', async (t) => {
    const scene = await openScene(cluster, OPTED_IN)
    await running3(scene, 'web')
    const plugin = join(cluster.folder, `kubectl-migrate_io`)
    symlinkSync(`${root}/src/main.ts`, plugin)
    t.after(() => spawnSync('rm', [plugin]))
    const env = { ...process.env, PATH: `${cluster.folder}:${process.env['PATH']}`, KUBECONFIG: cluster.kubeconfig }
    const { stdout } = spawnSync(process.execPath, [plugin, 'status', '-n', scene.namespace], { encoding: 'utf8', env })
    assert.match(stdout, /Watch its output: kubectl migrate-io logs web/)
  })

  test('says which permission is missing, and does with little', async () => {
    const scene = await openScene(cluster, OPTED_IN)
    await running3(scene, 'web')
    const user = await makeLimitedUser(cluster, scene.namespace)
    const ask = () => migrateIo(['status', '--kubeconfig', user.kubeconfig, '-n', scene.namespace])
    await user.allow([ROLLOUTS])
    const refused = ask()
    assert.equal(refused.code, 1)
    assert.match(
      refused.stderr,
      /this needs verb "list" on resource "(pods|configmaps)" of API group "" in namespace scene-/,
    )
    const core = { apiGroups: [''], resources: ['pods', 'configmaps'] }
    const [left] = await scene.deploy('left')
    assert.ok(left)
    await scene.tell(left, running(), 'Running')
    const holder = { pod: left.metadata.name, uid: left.metadata.uid, revision: revisionOf(left) }
    await scene.record('left', { number: 1, holder })
    await user.allow([ROLLOUTS, { ...core, verbs: ['list'] }])
    const listed = await until('the role counts', ask, {
      limitMs: LIMIT_MS,
      accept: (result) => !result.stderr.includes('verb "list"'),
    })
    assert.match(listed.stderr, /this needs verb "get" on resource "pods"/)
    await user.allow([ROLLOUTS, { ...core, verbs: ['get', 'list'] }])
    const { stdout } = await until('the role counts', ask, { limitMs: LIMIT_MS, accept: ({ code }) => code === 0 })
    assert.match(stdout, /left +Running|left +Waiting/)
    assert.match(stdout, /web +Running/)
  })
})
