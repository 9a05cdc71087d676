import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import {
  annotate,
  asStored,
  at,
  deepFreeze,
  flask,
  list,
  migration,
  POD,
  put,
  stored,
} from '../../support/injection/objects.ts'

const create = (object: JsonObject) => stored(decideInjection({ object: deepFreeze(object), optedIn: true }))
const update = (before: JsonObject, now: JsonObject) =>
  stored(decideInjection({ object: deepFreeze(now), oldObject: deepFreeze(asStored(before)), optedIn: true }))
const inits = (object: JsonObject) => list(object, ...POD, 'initContainers')

const SIDECAR = { name: 'proxy', image: 'proxy', restartPolicy: 'Always' }
const INIT = { name: 'fetch', image: 'fetch' }

suite('A10: init containers', () => {
  const ROWS: readonly (readonly [string, Json | undefined, readonly string[]])[] = [
    ['absent', undefined, []],
    ['null', null, []],
    ['empty', [], []],
    ['one', [INIT], ['fetch']],
    ['a native sidecar', [SIDECAR], ['proxy']],
    ['a native sidecar after another', [INIT, SIDECAR], ['fetch', 'proxy']],
    ['a native sidecar before another', [SIDECAR, INIT], ['proxy', 'fetch']],
  ]
  for (const [what, value, names] of ROWS)
    test(`A10: ${what}: order kept, ours last, and gone on removal`, () => {
      const injected = create(put(flask(), [...POD, 'initContainers'], value))
      assert.deepEqual(
        inits(injected).map(({ name }) => name),
        [...names, 'migrate-io'],
      )
      assert.equal(at(migration(injected), 'restartPolicy'), undefined)
      const bare = update(injected, annotate(injected, { 'migrate.io/command': undefined }))
      assert.deepEqual(
        inits(bare).map(({ name }) => name),
        names,
      )
    })

  test('A10: one that is put after ours later goes before it', () => {
    const injected = create(put(flask(), [...POD, 'initContainers'], [INIT]))
    const after = update(injected, put(injected, [...POD, 'initContainers'], [...inits(injected), SIDECAR]))
    assert.deepEqual(
      inits(after).map(({ name }) => name),
      ['fetch', 'proxy', 'migrate-io'],
    )
  })
})

suite('A10: the container', () => {
  const APP = {
    name: 'flask',
    image: 'app@sha256:00',
    imagePullPolicy: 'Always',
    command: ['flask', 'run'],
    args: ['--debug'],
    workingDir: '/srv',
    ports: [{ containerPort: 5000 }],
    env: [{ name: 'A', value: 'b' }],
    envFrom: [{ secretRef: { name: 's' } }],
    resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
    volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'x' }],
    volumeDevices: [{ name: 'raw', devicePath: '/dev/x' }],
    livenessProbe: { tcpSocket: { port: 1 } },
    readinessProbe: { tcpSocket: { port: 1 } },
    startupProbe: { tcpSocket: { port: 1 } },
    lifecycle: { preStop: { sleep: { seconds: 5 } } },
    restartPolicy: 'Always',
    resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
    terminationMessagePath: '/tmp/why',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ['ALL'] } },
    stdin: true,
    tty: true,
  }
  const injected = create(put(flask(), [...POD, 'containers'], [APP]))

  test('A10: has what docs/design.md lists of the app, and nothing else of it', () => {
    const { command, args, ...others } = migration(injected)
    assert.equal((command as Json[]).length, 5)
    assert.deepEqual(args, ['/bin/sh', '-c', '--', 'flask db upgrade'])
    assert.deepEqual(others, {
      name: 'migrate-io',
      image: APP.image,
      imagePullPolicy: APP.imagePullPolicy,
      env: APP.env,
      envFrom: APP.envFrom,
      workingDir: APP.workingDir,
      resources: APP.resources,
      securityContext: APP.securityContext,
      volumeMounts: [
        ...APP.volumeMounts,
        { name: 'migrate-io', mountPath: '/run/migrate.io', readOnly: true },
        { name: 'migrate-io-state', mountPath: '/run/migrate.io-state' },
      ],
      terminationMessagePath: '/dev/migrate.io-message',
      terminationMessagePolicy: 'File',
    })
  })

  test('A10: the volumes, the label and the annotation of docs/design.md', () => {
    assert.deepEqual(at(injected, ...POD, 'volumes'), [
      {
        name: 'migrate-io',
        projected: {
          defaultMode: 420,
          sources: [
            { configMap: { name: 'deployment.flask.migrate-io', optional: true } },
            {
              downwardAPI: {
                items: [
                  {
                    path: 'grant',
                    fieldRef: { apiVersion: 'v1', fieldPath: "metadata.annotations['migrate.io/grant']" },
                  },
                  {
                    path: 'revision',
                    fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['pod-template-hash']" },
                  },
                ],
              },
            },
          ],
        },
      },
      { name: 'migrate-io-state', emptyDir: { sizeLimit: '1Mi' } },
    ])
    assert.deepEqual(at(injected, 'spec', 'template', 'metadata'), {
      labels: { app: 'flask', 'migrate.io/protocol': '1' },
      annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'migrate-io-state' },
    })
  })

  test('A11: without a name there is no record to mount, and the same on the way to a name', () => {
    for (const metadata of [{ generateName: 'x-' }, { generateName: 'x-', name: '' }, { name: null }]) {
      const object = put(flask(), ['metadata'], { ...metadata, annotations: { 'migrate.io/command': 'x' } })
      const sources = list(create(object), ...POD, 'volumes', 0, 'projected', 'sources')
      assert.deepEqual(
        sources.map((source) => Object.keys(source)),
        [['downwardAPI']],
      )
      const named = put(create(object), ['metadata', 'name'], 'x-abc12')
      const updated = update(named, annotate(named, { other: 'x' }))
      assert.deepEqual(at(updated, 'spec', 'template'), at(named, 'spec', 'template'), 'no rollout of its own')
    }
  })

  test('A10: the named container, the default container, the first', () => {
    const three = put(
      flask(),
      [...POD, 'containers'],
      ['a', 'b', 'c'].map((name) => ({ name, image: name })),
    )
    const byDefault = put(three, ['spec', 'template', 'metadata', 'annotations'], {
      'kubectl.kubernetes.io/default-container': 'b',
    })
    const image = (object: JsonObject) => at(migration(create(object)), 'image')
    assert.equal(image(three), 'a')
    assert.equal(image(byDefault), 'b')
    assert.equal(image(annotate(byDefault, { 'migrate.io/container': 'c' })), 'c')
    const wrong = put(
      byDefault,
      ['spec', 'template', 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container'],
      'x',
    )
    assert.equal(image(wrong), 'a')
    assert.match(decideInjection({ object: wrong, optedIn: true }).warnings.join(), /default-container/)
  })
})
