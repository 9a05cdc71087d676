import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { releaseOf } from '../../src/status/lock-release.ts'
import type { NodeFacts } from '../../src/status/node-facts.ts'
import { configMapOf, ended, holderOf, podOf } from '../controller/objects.ts'
import { at, onNode, situation } from './objects.ts'

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
      'nothing',
      /pod is gone\. The controller frees it by itself/,
    ],
    [
      'its run has ended: the controller frees it',
      [onNode(podOf({ grant: 'run 5', state: ended(1, 'run 5') }))],
      READY,
      'nothing',
      /has ended/,
    ],
    ['it runs on a ready node: deletion is safe', [runner], READY, 'delete', /frees the lock safely/],
    ['it runs, and the node may not be read: deletion is safe', [runner], { kind: 'unseen' }, 'delete', /get nodes/],
    ['it was not told to run yet, on a lost node', [onNode(podOf())], LOST, 'delete', /not been told to start/],
    [
      'its node is lost: only by force',
      [runner],
      LOST,
      'force',
      /not ready, for 5m: .*nobody can see.*no longer promises/s,
    ],
    ['its Node object is gone: only by force', [runner], { kind: 'gone' }, 'force', /has no Node object/],
    ['it is being deleted: waits', [deleted(-20)], READY, 'nothing', /grace period ends in 20s/],
    ['its deletion is late on a ready node: waits', [deleted(300)], READY, 'nothing', /when its node says/],
    [
      'its deletion is held by a finalizer',
      [deleted(300, ['x/y'])],
      READY,
      'nothing',
      /Finalizers hold it as well: x\/y/,
    ],
    ['its deletion is late on a node not to be read: by force', [deleted(300)], { kind: 'unseen' }, 'force', /5m ago/],
    ['its deletion is a little late', [deleted(30)], { kind: 'unseen' }, 'nothing', /being deleted/],
  ] as const)
    test(what, () => {
      const release = releaseOf(situation({ record, pods, situation: { node: node as NodeFacts | undefined } }))
      assert.equal(release.kind, kind)
      assert.match(release.says.join('\n'), says)
      assert.doesNotMatch(release.says.join('\n'), /undefined|NaN/)
    })

  test('a lock that is free, or was edited, needs nothing', () => {
    assert.deepEqual(releaseOf(situation()), { kind: 'nothing', run: undefined, says: ['The lock is free.'] })
    const edited = releaseOf(situation({ configMap: { ...configMapOf(), data: { number: '4' } } }))
    assert.match(edited.says.join(), /finds out anew from the pods/)
  })

  test('without a controller nothing frees itself', () => {
    const { says } = releaseOf(
      situation({ record, situation: { controller: { kind: 'absent', namespace: 'migrate-io' } } }),
    )
    assert.match(says.join('\n'), /none is at work/)
  })
})
