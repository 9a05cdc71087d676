import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Pod } from '../../../src/kube/objects.ts'
import { grantOf } from '../../../src/lock/grant.ts'
import { mountedRecord } from '../../../src/lock/key.ts'
import { looksSame, projectPod } from '../../../src/lock/pod-projection.ts'
import { ended, podOf } from '../../support/controller/objects.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** As the API server has it, with much that nothing is decided by. */
function inFull(options: Parameters<typeof podOf>[0] = {}): Pod {
  const pod = podOf(options)
  const { metadata, spec, status } = pod
  const others = [{ name: 'app', restartCount: 3, state: { running: {} } }]
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata.labels, app: 'web' },
      annotations: { ...metadata.annotations, 'example.com/note': 'n'.repeat(1_000) },
      managedFields: [{ manager: 'kubelet' }],
    },
    spec: { ...spec, nodeName: 'node', volumes: [...(spec.volumes ?? []), { name: 'secret' }] },
    status: { ...status, initContainerStatuses: [...(status?.initContainerStatuses ?? []), ...others] },
  }
}

describe('What is kept of a pod', () => {
  test('P2: is what decisions rest on, and not the rest', () => {
    const kept = projectPod(inFull({ grant: 'run 5', isDeleting: true }))
    assert.deepEqual(kept, podOf({ grant: 'run 5', isDeleting: true, node: 'node' }))
  })

  test('L13, L14: what it was told when, and from which image on which node it starts', () => {
    const options = { toldAt: '2026-01-01T12:00:00Z', imageID: 'app@sha256:1', node: 'node' }
    const { metadata, ...others } = inFull(options)
    const managedFields = [{ manager: 'kubelet' }, { manager: 'migrate-io', time: options.toldAt, operation: 'Update' }]
    assert.deepEqual(projectPod({ ...others, metadata: { ...metadata, managedFields } }), podOf(options))
  })

  test('S3: is only the beginning of what a command left in its termination message', () => {
    const output = 'x'.repeat(4_000)
    const state = ended(1, `run 5 timeout\n${output}`)
    const [status] = projectPod(podOf({ state, lastState: state })).status?.initContainerStatuses ?? []
    for (const end of [status?.state?.terminated, status?.lastState?.terminated]) {
      assert.ok((end?.message?.length ?? 0) < 100)
      assert.deepEqual([end?.exitCode, end?.message?.slice(0, 13)], [1, 'run 5 timeout'])
    }
  })

  test('S6: no text, list or map is larger than it can rightly be, whatever its user writes', () => {
    const plain = inFull({ grant: `run 5\n${'x'.repeat(200_000)}`, state: ended(1, 'x'.repeat(200_000)) })
    const large = 'x'.repeat(1_400_000)
    const owner = { apiVersion: large, kind: 'ReplicaSet', name: large, uid: large, controller: true }
    const items = Array.from({ length: 3_000 }, (_, nth) => ({ key: 'k', path: `${nth}` }))
    const volume = {
      name: 'migrate-io',
      projected: { sources: [{ configMap: { name: 'record', optional: true, items } }] },
    }
    const [status] = plain.status?.initContainerStatuses ?? []
    assert.ok(status)
    const hostile: Pod = {
      metadata: {
        ...plain.metadata,
        ownerReferences: [owner],
        finalizers: [large],
        annotations: { 'migrate.io/grant': large },
      },
      spec: { volumes: [volume, ...Array(1_000).fill(volume)], nodeName: large },
      status: { ...plain.status, reason: large, initContainerStatuses: Array(1_000).fill({ ...status, image: large }) },
    }
    assert.ok(JSON.stringify(projectPod(hostile)).length < 3_000)
    assert.deepEqual(projectPod(hostile).spec.volumes?.[0]?.projected?.sources, [{ configMap: { name: 'record' } }])
    assert.deepEqual(grantOf(projectPod(plain)), { kind: 'run', number: 5 })
    const mounts = { name: 'migrate-io', projected: { sources: [{ configMap: { name: large } }] } }
    assert.equal(mountedRecord(projectPod({ ...hostile, spec: { volumes: [mounts] } })), undefined)
  })

  test('S6: what is cut off a text does not stay in memory with the rest', () => {
    const hostile = () => podOf({ grant: 'x'.repeat(200_000) })
    collect()
    const before = process.memoryUsage().heapUsed
    const kept = Array.from({ length: 500 }, () => projectPod(JSON.parse(JSON.stringify(hostile()))))
    collect()
    const mib = (process.memoryUsage().heapUsed - before) / 2 ** 20
    assert.ok(mib < 20, `${mib.toFixed(0)} MiB for ${kept.length} pods`)
  })

  test('is the same again once it is projected', () => {
    const once = projectPod(inFull({ state: ended(0, 'run 5'), lastState: ended(1) }))
    assert.deepEqual(projectPod(once), once)
  })
})

describe('A pod looks as before', () => {
  const version = (pod: Pod, resourceVersion: string): Pod => ({
    ...pod,
    metadata: { ...pod.metadata, resourceVersion },
  })
  const seen = (options: Parameters<typeof podOf>[0]) => version(projectPod(inFull(options)), '8')
  const before = projectPod(inFull())

  test('where only what nothing is decided by has changed', () => {
    const after = version(inFull(), '8')
    after.metadata.annotations = { ...after.metadata.annotations, 'example.com/note': 'other' }
    assert.equal(looksSame(projectPod(after), before), true)
    const pulling = (reason: string) => seen({ state: { waiting: { reason, message: `no image: ${reason}` } } })
    assert.equal(looksSame(pulling('ErrImagePull'), pulling('ImagePullBackOff')), true)
  })

  for (const [what, options] of [
    ['its grant', { grant: 'wait 5' }],
    ['its container', { state: ended(1, 'run 5') }],
    ['its phase', { phase: 'Failed' }],
    ['that it is to go', { isDeleting: true }],
    ['its nudge', { annotations: { 'migrate.io/nudge': 'run 5' } }],
    ['its marks', { annotations: { 'migrate.io/autoscaler-marks': 'x' } }],
  ] as const)
    test(`not where ${what} has changed`, () => assert.equal(looksSame(seen(options), before), false))
})
