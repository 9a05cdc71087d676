import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { looksSame, projectPod } from '../../src/controller/project.ts'
import type { Pod } from '../../src/kube/objects.ts'
import { ended, podOf } from './objects.ts'

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
    assert.deepEqual(kept, podOf({ grant: 'run 5', isDeleting: true }))
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
