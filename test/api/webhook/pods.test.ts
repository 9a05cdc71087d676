import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { COMMANDS } from '../../support/installation/commands.ts'
import { annotate, type Container, flask, type Manifest } from '../../support/installation/deployment.ts'
import { expanded } from '../../support/installation/expansion.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected, oursIn } from '../../support/installation/ours.ts'
import { LIMIT_MS, makePlace, type Place, scopeOf } from '../../support/installation/place.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const KIB = 1024

describe('pods', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('pods') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  for (const [name, command] of Object.entries(COMMANDS)) {
    test(`A9: ${name}: what Kubernetes makes of the pod's arguments is the command, byte for byte`, async () => {
      if (name === 'a-hundred-kib') assert.equal(Buffer.byteLength(command), 100 * KIB)
      await place.create(flask(name, (manifest) => annotate(manifest, { command })))
      const ours = oursIn(await place.pod(name))
      for (const variable of [() => undefined, (of: string) => `value of ${of}`]) {
        const argv = [...(ours.command ?? []), ...(ours.args ?? [])].map((argument) => expanded(argument, variable))
        assert.deepEqual(argv.slice(3), ['migrate-io', 'timeout=none', '/bin/sh', '-c', '--', command])
        assert.deepEqual(argv.slice(0, 2), ['/bin/sh', '-c'])
        assert.match(argv[2] ?? '', /\$\(\(mio_now - mio_started\)\)/, 'the script is expanded back too')
      }
    })
  }

  test('A9: a JSON command arrives as the strings that it has', async () => {
    const argv = ['/app/migrate', '', '-x', '$(X)', '$$', 'a b', "'", '\n', 'ü']
    await place.create(flask('json', (manifest) => annotate(manifest, { command: JSON.stringify(argv) })))
    const { args = [] } = oursIn(await place.pod('json'))
    assert.deepEqual(
      args.map((argument) => expanded(argument, () => 'a variable')),
      argv,
    )
  })

  test('A9: the largest command that is allowed, by kubectl too', async () => {
    const command = `: ${'x'.repeat(120 * KIB - 2)}`
    const manifest = flask('largest', (each) => annotate(each, { command }))
    await place.send('apply --server-side', manifest)
    assert.equal(oursIn(await place.pod('largest')).args?.at(-1), command)
  })

  const sidecar = (name: string): Container => ({ name, image: `${name}:1`, restartPolicy: 'Always' })
  const lists: [string, unknown, string[]][] = [
    ['init-absent', undefined, []],
    ['init-null', null, []],
    ['init-empty', [], []],
    [
      'init-sidecars',
      [sidecar('proxy'), { name: 'wait', image: 'wait:1' }, sidecar('logs')],
      ['proxy', 'wait', 'logs'],
    ],
  ]
  for (const [name, initContainers, theirs] of lists) {
    test(`A10: ${name}: the order is kept, and ours is the last`, async () => {
      await place.create(flask(name, ({ spec }) => Object.assign(spec.template.spec, { initContainers })))
      const pod = await place.pod(name)
      oursIn(pod)
      assert.deepEqual(
        pod.spec.initContainers?.map((container) => container.name),
        [...theirs, 'migrate-io'],
      )
    })
  }

  test('A10: where the app passes PodSecurity restricted, its pod is created when injected', async () => {
    const restricted = await makePlace(cluster, installation, {
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' },
    })
    const own = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
    const whole = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
    const levels: [string, (manifest: Manifest) => void][] = [
      ['in-container', ({ spec }) => secure(spec.template.spec.containers, { ...own, ...whole })],
      [
        'in-pod',
        ({ spec }) => {
          spec.template.spec.securityContext = whole
          secure(spec.template.spec.containers, own)
        },
      ],
    ]
    for (const [name, change] of levels) {
      const { status, warnings } = await restricted.create(flask(name, change))
      assert.equal(status, 201)
      assert.deepEqual(
        warnings.filter((warning) => /PodSecurity/.test(warning)),
        [],
      )
      oursIn(await restricted.pod(name))
    }
    // An app that does not comply is refused as it would be without us, and no pod of it exists.
    await restricted.create(flask('free'))
    const message = await podFailure(restricted, 'free')
    assert.match(message, /violates PodSecurity "restricted/)
    assert.match(message, /"flask"/)
  })

  test('A10: a ResourceQuota and a LimitRange that just admit the app admit it injected', async () => {
    const limited = await makePlace(cluster, installation)
    const resources = {
      requests: { cpu: '100m', memory: '64Mi', 'ephemeral-storage': '10Mi' },
      limits: { cpu: '200m', memory: '64Mi', 'ephemeral-storage': '20Mi' },
    }
    await limited.send('create', {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'just-enough' },
      spec: {
        hard: {
          pods: '1',
          'requests.cpu': '100m',
          'requests.memory': '64Mi',
          'requests.ephemeral-storage': '10Mi',
          'limits.cpu': '200m',
          'limits.memory': '64Mi',
          'limits.ephemeral-storage': '20Mi',
        },
      },
    })
    await limited.send('create', limitRange('just-enough', { min: resources.requests, max: resources.limits }))
    await until(
      'the quota is counted',
      () => limited.kubectl(['get', 'quota', '-o', 'jsonpath={..status.hard.pods}']),
      {
        limitMs: LIMIT_MS,
        accept: ({ stdout }) => stdout === '1',
      },
    )
    await limited.create(
      flask('exact', ({ spec }) => {
        spec.replicas = 1
        Object.assign(spec.template.spec.containers[0] ?? {}, { resources })
      }),
    )
    assert.deepEqual(oursIn(await limited.pod('exact')).resources, resources)
  })

  test('A10: defaults of a LimitRange, which a quota needs, reach the init container as well', async () => {
    const defaulted = await makePlace(cluster, installation)
    const resources = { default: { cpu: '200m', memory: '64Mi' }, defaultRequest: { cpu: '100m', memory: '64Mi' } }
    await defaulted.send('create', limitRange('defaults', resources))
    await defaulted.kubectl(['create', 'quota', 'some', '--hard=limits.cpu=1,requests.memory=1Gi'])
    await defaulted.create(flask('defaulted'))
    const ours = oursIn(await defaulted.pod('defaulted'))
    assert.deepEqual(ours.resources, { limits: resources.default, requests: resources.defaultRequest })
    assertInjected(await defaulted.deployment('defaulted'))
  })
})

function secure(containers: Container[], securityContext: object): void {
  for (const container of containers) container.securityContext = securityContext
}

function limitRange(name: string, limits: object): object {
  const spec = { limits: [{ type: 'Container', ...limits }] }
  return { apiVersion: 'v1', kind: 'LimitRange', metadata: { name }, spec }
}

/** Why the controller could make no pod. */
async function podFailure(place: Place, name: string): Promise<string> {
  const look = async () =>
    (await place.deployment(name)).status.conditions?.find(({ type }) => type === 'ReplicaFailure')?.message
  return until(`${name} says why it has no pod`, look, { limitMs: LIMIT_MS })
}
