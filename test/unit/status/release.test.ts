import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { releaseOf } from '../../../src/status/release.ts'
import type { NodeFacts } from '../../../src/status/situation.ts'
import { configMapOf, ended, holderOf, podOf } from '../../support/controller/objects.ts'
import { at, onNode, situation } from '../../support/status/objects.ts'

const READY: NodeFacts = { kind: 'ready' }
const LOST: NodeFacts = { kind: 'not-ready', since: Date.parse(at(-300)) }
const runner = onNode(podOf({ grant: 'run 5' }))
const record = { number: 5, holder: holderOf(runner, 5) }

function deleted(secondsAgo: number, finalizers: string[] = []) {
  return { ...runner, metadata: { ...runner.metadata, deletionTimestamp: at(-secondsAgo), finalizers } }
}

describe('What a person may do about a lock', () => {
  for (const [what, pods, node, kind, says] of [
    [
      'its pod is gone: the controller frees it',
      [],
      undefined,
      'wait',
      /pod is gone\. The controller frees it by itself/,
    ],
    [
      'its run has ended: the controller frees it',
      [onNode(podOf({ grant: 'run 5', state: ended(1, 'run 5') }))],
      READY,
      'wait',
      /has ended/,
    ],
    ['it runs on a ready node: deletion is safe', [runner], READY, 'delete', /frees the lock safely/],
    ['it runs, and the node may not be read: deletion is safe', [runner], { kind: 'unseen' }, 'delete', /get nodes/],
    ['it was not told to run yet, on a lost node', [onNode(podOf())], LOST, 'delete', /hasn't been granted its run/],
    [
      'its node is lost: only by force',
      [runner],
      LOST,
      'force',
      /not ready, for 5m: .*it is unknown.*can't prevent two/s,
    ],
    ['its Node object is gone: only by force', [runner], { kind: 'gone' }, 'force', /no longer has a Node object/],
    ['it is being deleted: waits', [deleted(-20)], READY, 'wait', /grace period ends in 20s/],
    ['its deletion is late on a ready node: waits', [deleted(300)], READY, 'wait', /when its node reports/],
    ['its deletion is held by a finalizer', [deleted(300, ['x/y'])], READY, 'wait', /Finalizers also keep it: x\/y/],
    ['its deletion is late on a node not to be read: by force', [deleted(300)], { kind: 'unseen' }, 'force', /5m ago/],
    ['its deletion is a little late', [deleted(30)], { kind: 'unseen' }, 'wait', /being deleted/],
  ] as const)
    test(what, () => {
      const release = releaseOf(situation({ record, pods, situation: { node: node as NodeFacts | undefined } }))
      assert.equal(release.kind, kind)
      assert.match(release.says.join('\n'), says)
      assert.doesNotMatch(release.says.join('\n'), /undefined|NaN/)
    })

  test('a lock that is free needs nothing; one that was edited or is somebody else’s is not free', () => {
    const free = { kind: 'free', says: ['The lock is free.'] }
    assert.deepEqual(releaseOf(situation()), free)
    const edited = releaseOf(situation({ configMap: { ...configMapOf(), data: { number: '4' } } }))
    assert.equal(edited.kind, 'wait')
    assert.match(edited.says.join(), /finds out from the pods/)
    const { metadata } = configMapOf()
    const foreign = releaseOf(situation({ configMap: { metadata: { ...metadata, labels: {} } } }))
    assert.equal(foreign.kind, 'wait')
    assert.match(foreign.says.join(), /wasn't created by migrate\.io/)
  })

  test('without its ConfigMap it is free only if no pod may be running', () => {
    const of = (pods: readonly Pod[]) => releaseOf(situation({ configMap: undefined, pods }))
    assert.equal(of([]).kind, 'free')
    assert.equal(of([onNode(podOf())]).kind, 'free')
    assert.equal(of([onNode(podOf({ grant: 'run 5', state: ended(1, 'run 5') }))]).kind, 'free')
    assert.equal(of([runner]).kind, 'wait')
    assert.match(of([runner]).says.join(), /web-a-1 was granted a run and hasn't ended/)
  })

  for (const [what, spec, seconds] of [
    ['0 seconds, which would not wait for its node', { terminationGracePeriodSeconds: 0 }, 1],
    ['90 seconds', { terminationGracePeriodSeconds: 90 }, 90],
    ['the default', {}, 30],
  ] as const)
    test(`a pod with a grace period of ${what}, is deleted with one of ${seconds} s, as it was seen`, () => {
      const release = releaseOf(
        situation({
          record,
          pods: [{ ...runner, spec: { ...runner.spec, ...spec } }],
          situation: { node: READY },
        }),
      )
      assert.deepEqual('deletion' in release && release.deletion, {
        preconditions: { uid: runner.metadata.uid, resourceVersion: runner.metadata.resourceVersion },
        gracePeriodSeconds: seconds,
      })
    })

  for (const node of [READY, LOST, { kind: 'unseen' }, { kind: 'gone' }] as const)
    test(`a pod of phase Failed with no word of an end goes at once, so only by force: node ${node.kind}`, () => {
      const failed = onNode(podOf({ grant: 'run 5', phase: 'Failed' }))
      const release = releaseOf(situation({ record, pods: [failed], situation: { node } }))
      assert.equal(release.kind, 'force')
      const ended5 = onNode(podOf({ grant: 'run 5', phase: 'Failed', state: ended(137) }))
      assert.equal(releaseOf(situation({ record, pods: [ended5], situation: { node } })).kind, 'wait')
      const open = onNode(podOf({ phase: 'Failed' }))
      assert.equal(releaseOf(situation({ record, pods: [open], situation: { node } })).kind, 'delete')
    })

  test('without a controller nothing frees itself', () => {
    const { says } = releaseOf(
      situation({ record, situation: { controller: { kind: 'absent', namespace: 'migrate-io' } } }),
    )
    assert.match(says.join('\n'), /no controller is running/)
  })
})
