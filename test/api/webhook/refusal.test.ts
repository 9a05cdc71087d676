import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { annotate, COMMAND, flask, type Manifest } from '../../support/installation/deployment.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'

const cluster = await sharedCluster()

describe('bad input', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('refusal') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  const missing = async (name: string) => {
    const { code, stderr } = await place.kubectl(['get', 'deployment', name], { allowFailure: true })
    assert.equal(code, 1)
    assert.match(stderr, /NotFound/)
  }

  test('A8: kubectl prints every problem at once, fails, and nothing is stored', async () => {
    const manifest = flask('many-faults', (each) => {
      annotate(each, { command: '["flask", 1]', comand: 'x', timeout: 'soon', retries: '-1', container: 'flsk' })
      const { metadata, spec } = each.spec.template
      metadata.annotations = { 'migrate.io/grant': 'run 1' }
      spec.nodeSelector = { 'kubernetes.io/os': 'windows' }
      spec['terminationGracePeriodSeconds'] = 0
      spec.initContainers = [{ name: 'migrate-io', image: 'own:1' }]
      spec.volumes = [{ name: 'migrate-io', emptyDir: {} }]
    })
    for (const verb of ['create', 'apply', 'apply --server-side', 'apply --dry-run=server']) {
      const { code, stderr } = await place.send(verb, manifest, { allowFailure: true })
      assert.equal(code, 1, verb)
      assert.match(stderr, new RegExp(`admission webhook "${installation.names.inject}" denied the request`))
      const lines = stderr.split('\n').filter((line) => line.startsWith('- '))
      for (const problem of [
        /migrate\.io\/command\].*flask.*not of strings only/,
        /migrate\.io\/comand.*did you mean migrate\.io\/command/,
        /migrate\.io\/timeout.*"soon".*allowed/,
        /migrate\.io\/retries.*"-1".*allowed/,
        /migrate\.io\/container.*"flsk".*did you mean flask/,
        /initContainers\[0\]\.name/,
        /volumes\[0\]\.name/,
        /migrate\.io\/grant/,
        /kubernetes\.io\/os.*windows/,
        /terminationGracePeriodSeconds: is 0/,
      ]) {
        assert.equal(lines.filter((line) => problem.test(line)).length, 1, `${verb}: ${problem} once in\n${stderr}`)
      }
      await missing('many-faults')
    }
  })

  const faults: [string, (manifest: Manifest) => void, RegExp][] = [
    ['empty-command', (each) => annotate(each, { command: ' ' }), /empty/],
    ['an-object', (each) => annotate(each, { command: '{"a":"b"}' }), /array of strings/],
    ['long-command', (each) => annotate(each, { command: `echo ${'x'.repeat(120 * 1024)}` }), /120 KiB/],
    [
      'other-fault-alone',
      (each) => Object.assign(each.metadata, { annotations: { 'migrate.io/comand': 'x' } }),
      /mean/,
    ],
    [
      'mount-path',
      ({ spec: { template } }) => {
        template.spec.volumes = [{ name: 'run', emptyDir: {} }]
        Object.assign(template.spec.containers[0] ?? {}, {
          volumeMounts: [{ name: 'run', mountPath: '/run/migrate.io' }],
        })
      },
      /volumeMounts\[0\]/,
    ],
    ['clash', ({ spec }) => spec.template.spec.containers.push({ name: 'migrate-io', image: 'own:1' }), /migrate-io/],
  ]
  for (const [name, change, message] of faults) {
    test(`A8: ${name} is refused with a reason, as invalid`, async () => {
      const { status, body } = await place.create(flask(name, change))
      assert.equal(status, 422)
      const { reason, message: text } = body as unknown as { reason: string; message: string }
      assert.equal(reason, 'Invalid')
      assert.match(text, message)
      assert.ok(text.length < 4096, 'a person can read it')
      await missing(name)
    })
  }

  test('A8: an update is refused only for what it changes, and then changes nothing', async () => {
    await place.send('apply', flask('sound'))
    const before = await place.deployment('sound')
    const args = ['annotate', 'deployment/sound', 'migrate.io/timeout=soon', `${COMMAND}=other`, '--overwrite']
    const { code, stderr } = await place.kubectl(args, { allowFailure: true })
    assert.equal(code, 1)
    assert.match(stderr, /migrate\.io\/timeout.*"soon"/)
    const now = await place.deployment('sound')
    assert.deepEqual(now.spec, before.spec)
    assert.equal(now.metadata.annotations?.[COMMAND], 'flask db upgrade')
  })

  test('A8: an old fault is only a warning, for updates that leave it alone', async () => {
    const later = await makePlace(cluster, installation, { optedIn: false })
    await later.create(flask('faulty', (each) => annotate(each, { timeout: 'soon' })))
    await cluster.kubectl(['label', 'namespace', later.name, 'migrate.io/injection=enabled'])
    await installation.untilOptedIn(later.name)
    const { code, stderr } = await later.kubectl(['annotate', 'deployment/faulty', 'note=a'])
    assert.equal(code, 0)
    assert.match(stderr, /Warning: .*migrate\.io\/timeout.*"soon"/)
    // A status update of the controller and scaling never reach us at all.
    await later.kubectl(['scale', 'deployment/faulty', '--replicas=2'])
    await later.replicaSets('faulty')
    const mended = await later.kubectl(['annotate', 'deployment/faulty', 'migrate.io/timeout=1h', '--overwrite'])
    assert.doesNotMatch(mended.stderr, /as before/)
    assertInjected(await later.deployment('faulty'))
  })

  test('A8: kubectl prints warnings', async () => {
    const manifest = flask('warned', (each) => {
      each.spec.strategy = { type: 'Recreate' }
      annotate(each, { timeout: '2h' })
    })
    const { stderr } = await place.send('apply', manifest)
    assert.match(stderr, /^Warning: spec\.strategy \(Recreate\) stays as it is/m)
    assert.match(stderr, /^Warning: spec\.progressDeadlineSeconds is raised from 600 to 7800/m)
  })

  test('A16: Windows by required node affinity is refused', async () => {
    const required = {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/os', operator: 'In', values: ['windows'] }] }],
    }
    const manifest = flask('by-affinity', ({ spec }) => {
      spec.template.spec['affinity'] = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } }
    })
    const { status, body } = await place.create(manifest)
    assert.equal(status, 422)
    assert.match(
      (body as unknown as { message: string }).message,
      /nodeAffinity\.required\w+: allows Windows nodes only/,
    )
    await missing('by-affinity')
  })

  test('A16: what is probably not meant is warned of once, with the change that brings it', async () => {
    const manifest = flask('not-meant', (each) => {
      annotate(each, { command: '["flyway","-password=$(DB_PASSWORD)","migrate"]' })
      const { spec } = each.spec.template
      spec.initContainers = [{ name: 'wait-for-migrations', image: 'wait:1' }]
      Object.assign(spec.containers[0] ?? {}, {
        env: [{ name: 'DB_PASSWORD', value: 'x' }],
        command: ['sh', '-c', "flyway '-password=$(DB_PASSWORD)' migrate && exec app"],
      })
    })
    const expected = [
      /^Warning: migrate\.io\/command has \$\(DB_PASSWORD\), which Kubernetes does not expand/m,
      /^Warning: .*initContainers\[0\] \(wait-for-migrations\) seems to wait until the database is migrated/m,
      /^Warning: .*containers\[0\] \(\w+\) also runs the command of migrate\.io\/command/m,
    ]
    const { stderr } = await place.send('apply', manifest)
    for (const warning of expected) assert.match(stderr, warning)
    assert.equal(stderr.match(/^Warning: /gm)?.length, expected.length, stderr)
    assertInjected(await place.deployment('not-meant'))
    assert.equal((await place.send('apply', manifest)).stderr, '')
    const [container] = manifest.spec.template.spec.containers
    Object.assign(container ?? {}, { image: 'docker.io/project/my-flask-app:2' })
    assert.equal((await place.send('apply', manifest)).stderr, '')
  })

  test('A16: a misplaced annotation that reaches the webhook is warned of', async () => {
    const manifest = flask('misplaced', (each) => {
      each.metadata.annotations = { 'migrate.io/lock': 'db' }
      each.spec.template.metadata.annotations = { [COMMAND]: 'flask db upgrade' }
    })
    const { stderr } = await place.send('apply', manifest)
    assert.match(stderr, /^Warning: spec\.template\.metadata\.annotations\[migrate\.io\/command\] has no effect/m)
  })

  test("A16: the API server takes the app's AppArmor profile for the migration, and its removal", async () => {
    const key = 'container.apparmor.security.beta.kubernetes.io/'
    const manifest = flask('confined', ({ spec }) => {
      const [container] = spec.template.spec.containers
      spec.template.metadata.annotations = { [key + (container?.name ?? '')]: 'runtime/default' }
    })
    await place.send('apply', manifest)
    const injected = await place.deployment('confined')
    assertInjected(injected)
    assert.equal(injected.spec.template.metadata.annotations?.[`${key}migrate-io`], 'runtime/default')
    await place.replicaSets('confined')
    const pod = await place.pod('confined')
    const profile = { appArmorProfile: { type: 'RuntimeDefault' } }
    const { initContainers = [], containers } = (
      pod as unknown as { spec: { initContainers?: object[]; containers: object[] } }
    ).spec
    for (const container of [...initContainers, ...containers])
      assert.deepEqual((container as { securityContext?: object }).securityContext, profile)

    await place.send('apply', manifest)
    assert.equal((await place.deployment('confined')).metadata.generation, injected.metadata.generation)
    await place.kubectl(['annotate', 'deployment/confined', `${COMMAND}-`])
    const bare = await place.deployment('confined')
    assert.deepEqual(bare.spec.template.metadata.annotations, manifest.spec.template.metadata.annotations)
    assert.equal(bare.spec.template.spec.initContainers, undefined)
  })
})
