import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../cluster/shared.ts'
import { annotate, COMMAND, flask, type Manifest } from './deployment.ts'
import { installWebhook } from './install.ts'
import type { Installation } from './installation.ts'
import { assertInjected } from './ours.ts'
import { makePlace, type Place, scopeOf } from './place.ts'

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
})
