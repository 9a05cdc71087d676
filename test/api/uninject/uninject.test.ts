import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { lockConfigMapName } from '../../../src/names.ts'
import { type CliResult, type RunOptions, startMigrateIo } from '../../support/cli/run-cli.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { SCOPE_LABEL } from '../../support/installation/configuration.ts'
import {
  annotate,
  COMMAND,
  type Deployment,
  flask,
  type Manifest,
  withoutAnnotations,
} from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertBare, assertInjected } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, makePlaceAlone, type Place, scopeOf } from '../../support/installation/place.ts'
import { makeLimitedUser } from '../../support/lock/limited-user.ts'
import { root } from '../../support/tooling/root.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const POLICY = `${root}/deploy/base/policies/injected.yaml`

interface Policy {
  metadata: { name: string }
  spec: { policyName?: string; matchConstraints?: { namespaceSelector: { matchLabels: Record<string, string> } } }
}

function uninject(args: readonly string[], options: RunOptions & { kubeconfig?: string } = {}): Promise<CliResult> {
  const { kubeconfig = cluster.kubeconfig, ...rest } = options
  return startMigrateIo(['uninject', ...args], { env: { KUBECONFIG: kubeconfig, NO_COLOR: '1' }, ...rest })
}

/** What a Deployment looks like of which we never heard. */
async function bareSpec(place: Place, manifest: Manifest): Promise<Deployment['spec']> {
  const bare = structuredClone(manifest)
  withoutAnnotations(bare)
  bare.metadata.name = 'bare'
  const { body } = await place.create(bare, '?dryRun=All')
  return body.spec
}

const KINDS: Record<string, (manifest: Manifest) => void> = {
  plain: () => {},
  empty: ({ spec }) => Object.assign(spec, { replicas: 0 }),
  'all-settings': (manifest) => {
    annotate(manifest, { timeout: '2h', strategy: 'rolling', lock: 'orders' })
    manifest.spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } }
  },
}

/** As the API server would refuse any other way to take it off with the webhook away. */
async function assertAllBare(place: Place): Promise<void> {
  for (const [name, change] of Object.entries(KINDS)) {
    const stored = await place.deployment(name)
    assertBare(stored)
    assert.deepEqual(stored.spec, await bareSpec(place, flask(name, change)))
    const ours = Object.keys(stored.metadata.annotations ?? {}).filter((key) => key.startsWith('migrate.io/'))
    assert.deepEqual(ours, [])
  }
}

async function deployAll(place: Place): Promise<void> {
  for (const [name, change] of Object.entries(KINDS)) {
    await place.create(flask(name, change))
    assertInjected(await place.deployment(name))
    await place.replicaSets(name)
  }
}

describe('uninject on a cluster', () => {
  let installation: Installation
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('uninject') })
  })
  after(() => installation.stop())

  test('A15: it goes on to the end where nothing reads what it prints', async () => {
    const place = await makePlace(cluster, installation)
    await deployAll(place)
    const command = `"$NODE" "$MAIN" uninject -n ${place.name} --yes --no-wait | true`
    const env = { ...process.env, NODE: process.execPath, MAIN: `${root}/src/main.ts`, KUBECONFIG: cluster.kubeconfig }
    await promisify(execFile)('bash', ['-o', 'pipefail', '-c', command], { env })
    await assertAllBare(place)
  })

  test('A6: all of ours goes in one update of each, and strategy and deadline are what they were', async () => {
    const place = await makePlace(cluster, installation)
    await deployAll(place)
    const generations = await Promise.all(Object.keys(KINDS).map(async (name) => generation(place, name)))
    const { code, stdout, stderr } = await uninject(['-n', place.name, '--yes', '--no-wait'])
    assert.equal(code, 0, stderr)
    assert.deepEqual(
      stdout.split('\n').toSorted(),
      ['', ...Object.keys(KINDS).map((name) => `${place.name}/${name}: un-injected; its rollout goes on`)].toSorted(),
    )
    assert.match(stderr, /3 Deployments/)
    assert.match(stderr, /all-settings +revision 1 +3 replicas/)
    assert.match(stderr, /3 of 3 Deployments done/)
    assert.match(stderr, /from the manifests too/)
    await assertAllBare(place)
    for (const [at, name] of Object.keys(KINDS).entries())
      assert.equal(await generation(place, name), (generations[at] ?? 0) + 1, `${name}: one update`)
    assert.equal((await place.replicaSets('plain')).length, 2, 'a rollout of it')
  })

  test('A13: it finds what is injected in a namespace that opted out', async () => {
    const place = await makePlace(cluster, installation)
    await deployAll(place)
    await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection-'])
    await installation.untilOptedIn(place.name, false)
    const all = await uninject(['-A', '--check'])
    assert.equal(all.code, 3)
    assert.ok(all.stdout.split('\n').includes(`${place.name}/plain`), all.stdout)
    const here = await uninject(['-n', place.name, '--check'])
    assert.equal(here.code, 3)
    assert.equal(here.stdout, `${place.name}/all-settings\n${place.name}/empty\n${place.name}/plain\n`)
    assert.match(here.stderr, new RegExp(`3 Deployments still injected.*uninject -n ${place.name}`))
    assert.equal((await uninject(['-n', place.name, '--yes', '--no-wait'])).code, 0)
    await assertAllBare(place)
    assert.deepEqual(await uninject(['-n', place.name, '--check']), { code: 0, stdout: '', stderr: '' })
    const again = await uninject(['-n', place.name])
    assert.deepEqual([again.code, again.stdout], [0, ''])
    assert.match(again.stderr, /Nothing is injected in namespace/)
  })

  test('A6: with no webhook at all', async () => {
    const [served, alone] = [await makePlace(cluster, installation), await makePlaceAlone(cluster)]
    for (const [name, change] of Object.entries(KINDS)) {
      const { body } = await served.create(flask(name, change))
      const { annotations, labels } = body.metadata
      const { status } = await alone.create({ ...body, metadata: { name, labels, annotations } })
      assert.equal(status, 201)
      assertInjected(await alone.deployment(name))
    }
    assert.equal((await uninject(['-n', alone.name, '-y', '--no-wait'])).code, 0)
    await assertAllBare(alone)
  })

  test('A6: where the policy demands our container of whatever has the annotation', async () => {
    const [served, alone] = [await makePlace(cluster, installation), await makePlaceAlone(cluster)]
    await using _ = await demandInjection(alone)
    const { body } = await served.create(flask('demanded'))
    const { annotations, labels } = body.metadata
    assert.equal((await alone.create({ ...body, metadata: { name: 'demanded', labels, annotations } })).status, 201)
    const stripped = await alone.patch('demanded', { spec: { template: { spec: { initContainers: null } } } })
    assert.equal(stripped.status, 422, 'the policy is in force for updates too')
    const { code, stdout } = await uninject(['-n', alone.name, '-y', '--no-wait'])
    assert.equal(code, 0, stdout)
    assertBare(await alone.deployment('demanded'))
  })

  test('A6: one that others write all the time is un-injected, and keeps what they wrote', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('busy'))
    let writes = 0
    let isOver = false
    const others = (async () => {
      while (!isOver) {
        await place.patch('busy', { metadata: { annotations: { note: String(++writes) } } })
        await pause(20) // as often as a machine can would be no rollout
      }
    })()
    await until('it is written', () => writes > 5, { limitMs: LIMIT_MS })
    const { code, stderr } = await uninject(['-n', place.name, '--yes', '--no-wait'])
    isOver = true
    await others
    assert.equal(code, 0, stderr)
    const stored = await place.deployment('busy')
    assertBare(stored)
    assert.equal(stored.metadata.annotations?.['note'], String(writes))
  })

  test('--dry-run and a question that nobody answers, or answers with no, change nothing', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('kept'))
    await place.replicaSets('kept')
    const before = await place.deployment('kept')
    const dry = await uninject(['-n', place.name, '--dry-run'])
    assert.equal(dry.code, 0)
    assert.match(dry.stdout, /^\S+\/kept +revision 1 +3 replicas.*\n$/)
    assert.match(dry.stderr, /each Deployment rolls out again/)
    const silent = await uninject(['-n', place.name])
    assert.deepEqual([silent.code, silent.stdout], [1, ''])
    assert.match(silent.stderr, /standard input isn't a terminal: add --yes\n$/)
    const no = await uninject(['-n', place.name], { hasTerminal: true, input: 'n\n' })
    assert.equal(no.code, 1)
    assert.match(no.stdout, /Go on\? \[y\/N\].*Nothing was changed/s)
    assert.deepEqual(withoutManagement(await place.deployment('kept')), withoutManagement(before))
    const yes = await uninject(['-n', place.name, '--no-wait'], { hasTerminal: true, input: 'y\n' })
    assert.equal(yes.code, 0, yes.stdout)
    assertBare(await place.deployment('kept'))
  })

  test('it waits for the rollout, and then deletes the records: not while a pod of ours is left', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('empty', ({ spec }) => Object.assign(spec, { replicas: 0 })))
    await place.create(flask('pending'))
    await place.create(flask('paused', ({ spec }) => Object.assign(spec, { replicas: 1, paused: true })))
    await place.pod('pending')
    for (const name of ['empty', 'pending', 'gone']) await createRecord(place, lockConfigMapName(name), 'deployment')
    await createRecord(place, 'lock.orders.migrate-io', 'lock')
    // Without a node no pod ever gets ready.
    const { code, stdout, stderr } = await uninject(['-n', place.name, '--yes', '--timeout', '2s'])
    assert.equal(code, 1, stderr)
    assert.match(stdout, /\/empty: un-injected and rolled out\n/)
    assert.match(stdout, /\/pending: un-injected, but not rolled out within --timeout: /)
    assert.match(stdout, /\/paused: un-injected; it is paused/)
    assert.match(stderr, /warning: \S+\/pending: it is not migrated yet: its app starts on the schema as it is/)
    assert.match(stderr, /2 of 3 Deployments done/)
    assert.match(stderr, /2 lock ConfigMaps deleted/)
    assert.match(stderr, /2 lock ConfigMaps left/)
    assert.deepEqual(await records(place), [lockConfigMapName('pending'), 'lock.orders.migrate-io'])
    await place.kubectl(['scale', 'deployment/pending', '--replicas=0'])
    await until('no pod of it is left', () => place.kubectl(['get', 'pods', '-o', 'name']), {
      limitMs: LIMIT_MS,
      accept: ({ stdout }) => stdout === '',
    })
    const again = await uninject(['-n', place.name, '--yes'])
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stderr, /2 lock ConfigMaps deleted/)
    assert.deepEqual(await records(place), [])
  })

  test('what somebody puts back is told', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('put-back'))
    const running = uninject(['-n', place.name, '--yes', '--timeout', '60s'])
    await until('it is bare', async () => assertBare(await place.deployment('put-back')) ?? true, { limitMs: LIMIT_MS })
    await place.patch('put-back', { metadata: { annotations: { [COMMAND]: 'flask db upgrade' } } })
    const { code, stdout } = await running
    assert.equal(code, 1)
    assert.match(stdout, /\/put-back: un-injected, but another client injected it again: remove the annotations/)
  })

  test('all pages of many Deployments are looked at, those with a made-up name too', async () => {
    const place = await makePlace(cluster, installation)
    const many = Array.from({ length: 110 }, (_, i) => flask(`bare-${i}`, withoutAnnotations))
    for (const manifest of many) {
      manifest.spec.replicas = 0
      await place.create(manifest)
    }
    await place.create(flask('zz', ({ spec }) => Object.assign(spec, { replicas: 0 })))
    const generated = flask('', ({ metadata, spec }) => {
      delete metadata.name
      Object.assign(metadata, { generateName: 'zzz-', labels: { app: 'zzz' } })
      Object.assign(spec, { replicas: 0, selector: { matchLabels: { app: 'zzz' } } })
      spec.template.metadata.labels = { app: 'zzz' }
    })
    const { body } = await place.create(generated)
    const { stdout } = await uninject(['-n', place.name, '--check'])
    assert.equal(stdout, `${place.name}/zz\n${place.name}/${body.metadata.name}\n`)
    assert.equal((await uninject(['-n', place.name, '--yes'])).code, 0)
    assert.equal((await uninject(['-n', place.name, '--check'])).code, 0)
  })

  test('a missing permission is told in a line, with verb, resource and namespace; --check needs one only', async () => {
    const place = await makePlace(cluster, installation)
    await place.create(flask('guarded', ({ spec }) => Object.assign(spec, { replicas: 0 })))
    const { kubeconfig, allow } = await makeLimitedUser(cluster, `uninject-${place.name}`)
    const check = () => uninject(['-A', '--check'], { kubeconfig })
    const none = await check()
    assert.deepEqual([none.code, none.stdout], [1, ''])
    assert.match(none.stderr, /^migrate-io uninject: .*verb "list" on resource "deployments" .* in all namespaces.*\n$/)
    const list = { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] }
    await allow([list])
    await until('it may list Deployments', check, { limitMs: LIMIT_MS, accept: ({ code }) => code === 3 })
    const core = { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['list'] }
    await allow([{ ...list, verbs: ['list', 'get'] }, core])
    const run = () => uninject(['-n', place.name, '--yes'], { kubeconfig })
    const refused = await until('it may look at all', run, {
      limitMs: LIMIT_MS,
      accept: ({ stdout }) => stdout.includes('"update"'),
    })
    assert.equal(refused.code, 1)
    assert.match(refused.stdout, /\/guarded: still injected: .*verb "update" on resource "deployments".*in namespace /)
    assertInjected(await place.deployment('guarded'))
    await allow([
      { ...list, verbs: ['list', 'get', 'update'] },
      { ...core, verbs: ['list', 'delete'] },
    ])
    const done = await until('it may do all', run, { limitMs: LIMIT_MS, accept: ({ code }) => code === 0 })
    assert.match(done.stderr, /un-injected|Nothing is injected/)
    assertBare(await place.deployment('guarded'))
  })

  describe('with the webhook away, and still configured', () => {
    let place: Place
    before(async () => {
      place = await makePlace(cluster, installation)
      await deployAll(place)
      await installation.webhook.stop()
    })

    test('A6: without the right to go past it, what is missing is told and nothing is changed', async () => {
      const { kubeconfig, allow } = await makeLimitedUser(cluster, `past-${place.name}`)
      const verbs = ['list', 'get', 'update']
      await allow([
        { apiGroups: ['apps'], resources: ['deployments'], verbs },
        { apiGroups: [''], resources: ['pods', 'configmaps'], verbs: ['list', 'delete'] },
      ])
      const { code, stdout } = await until(
        'its rights are known',
        () => uninject(['-n', place.name, '--yes', '--no-wait'], { kubeconfig }),
        { limitMs: LIMIT_MS, accept: ({ stdout }) => stdout.includes('failed calling webhook') },
      )
      assert.equal(code, 1)
      assert.match(stdout, /still injected: .*verb "patch" on resource "deployments\/status"/)
      for (const name of Object.keys(KINDS)) assertInjected(await place.deployment(name))
    })

    test('A6: all of ours goes, past it, and strategy and deadline are what they were', async () => {
      const refused = await place.kubectl(['annotate', 'deployment/plain', `${COMMAND}-`], { allowFailure: true })
      assert.match(refused.stderr, /failed calling webhook/)
      const { code, stderr } = await uninject(['-n', place.name, '--yes', '--no-wait'])
      assert.equal(code, 0, stderr)
      await installation.restart()
      await assertAllBare(place)
    })
  })
})

/** deploy/base's policy for one namespace that opted in, and no webhook in it. Returns when it is in force. */
async function demandInjection(place: Place): Promise<AsyncDisposable> {
  const documents = parseAllDocuments(readFileSync(POLICY, 'utf8')).map((document) => document.toJS() as Policy)
  const name = `${scopeOf('injected')}`
  for (const policy of documents) {
    policy.metadata.name = name
    if (policy.spec.policyName !== undefined) policy.spec.policyName = name
    Object.assign(policy.spec.matchConstraints?.namespaceSelector.matchLabels ?? {}, { [SCOPE_LABEL]: name })
  }
  await cluster.kubectl(['label', 'namespace', place.name, 'migrate.io/injection=enabled', `${SCOPE_LABEL}=${name}`])
  const items = { apiVersion: 'v1', kind: 'List', items: documents }
  await cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(items) })
  await until('the policy is in force', () => place.create(flask('probe'), '?dryRun=All'), {
    limitMs: LIMIT_MS,
    accept: ({ status }) => status === 422,
  })
  return {
    async [Symbol.asyncDispose]() {
      const kinds = 'validatingadmissionpolicy,validatingadmissionpolicybinding'
      await cluster.kubectl(['delete', kinds, name])
    },
  }
}

async function generation(place: Place, name: string): Promise<number> {
  return (await place.deployment(name)).metadata.generation
}

function withoutManagement({ metadata, spec }: Deployment): unknown {
  return [metadata.uid, metadata.generation, metadata.annotations, spec]
}

async function createRecord(place: Place, name: string, kind: string): Promise<void> {
  const metadata = { name, labels: { 'migrate.io/record': kind } }
  const { status } = await cluster.request('POST', `/api/v1/namespaces/${place.name}/configmaps`, { metadata })
  assert.equal(status, 201)
}

async function records(place: Place): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${place.name}/configmaps?labelSelector=migrate.io%2Frecord`
  const { body } = await cluster.get<{ items: { metadata: { name: string } }[] }>(path)
  return body.items.map(({ metadata }) => metadata.name)
}
