import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { decide } from '../../../src/lock/decide.ts'
import type { LockRecord } from '../../../src/lock/record.ts'
import type { Snapshot } from '../../../src/lock/snapshot.ts'
import { RECORD_LABEL } from '../../../src/names.ts'
import {
  configMapOf,
  deploymentOf,
  ended,
  holderOf,
  NOW,
  podOf,
  replicaSetOf,
  snapshotOf,
} from '../../support/controller/objects.ts'

const COMPLETED = { 'completed.a': '{"pod":"web-a-0"}' }

function step(record: Partial<LockRecord>, pods: readonly Pod[], changes: Partial<Snapshot> = {}) {
  return decide(snapshotOf(record, pods, changes), { now: NOW })
}

/** The kind of the step, with why where it waits. */
function kindOf(...[record, pods, changes]: Parameters<typeof step>): string {
  const decision = step(record, pods, changes)
  return decision.kind === 'wait' ? `wait: ${decision.why ?? 'nothing'}` : decision.kind
}

describe('The next step while the lock is free', () => {
  test('the oldest waiting pod takes it, with the next number', () => {
    const older = podOf({ name: 'web-a-2', created: '2026-01-01T11:57:00Z', grant: 'wait 9' })
    const decision = step({ number: 4 }, [podOf(), older])
    assert.ok(decision.kind === 'acquire')
    assert.equal(decision.pod.metadata.name, 'web-a-2')
    assert.equal(decision.number, 10, 'above what the pod was told before')
  })

  test('a pod that only the watch has shown is read first', () => {
    const pods = new Map([['web-a-1', { pod: podOf(), isLive: false }]])
    assert.equal(kindOf({}, [], { pods }), 'read-pod')
  })

  for (const [what, pod] of [
    ['with an image that can’t be pulled', podOf({ state: { waiting: { reason: 'ImagePullBackOff' } } })],
    ['behind an init container that never ends', podOf({ state: { waiting: { reason: 'PodInitializing' } } })],
    ['that is being deleted', podOf({ isDeleting: true })],
    ['that has failed', podOf({ phase: 'Failed' })],
    ['whose wrapper has just ended', podOf({ state: ended(137) })],
  ] as const)
    test(`L9: a pod ${what} never gets the lock`, () => assert.match(kindOf({}, [pod]), /^wait: nothing/))

  test('L3: a pod of a revision that is not rolled out never gets it, whether older or failed', () => {
    const replicaSets = [replicaSetOf('a', '1'), replicaSetOf('b', '2')]
    const deployment = deploymentOf({ 'deployment.kubernetes.io/revision': '2' })
    assert.equal(kindOf({}, [podOf()], { replicaSets, deployment }), 'wait: not-current')
    const b = podOf({ name: 'web-b-1', revision: 'b' })
    const decision = step({ entries: { 'failed.a': '{"count":9,"exit":1}' } }, [podOf(), b], {
      replicaSets,
      deployment,
    })
    assert.ok(decision.kind === 'acquire' && decision.pod === b)
  })

  test('L9: nothing is given out before the Deployment controller has caught up', () => {
    const deployment = { ...deploymentOf(), status: { observedGeneration: 1 } }
    assert.equal(kindOf({}, [podOf()], { deployment }), 'wait: rollout-unsettled')
    const ahead = [replicaSetOf('a', '2')]
    assert.equal(kindOf({}, [podOf()], { replicaSets: ahead }), 'wait: rollout-unsettled')
  })

  test('L3: a failed revision waits for its time, and for ever after its last retry', () => {
    const next = new Date(NOW + 7000).toISOString()
    const entries = { 'failed.a': JSON.stringify({ count: 2, exit: 1, next }) }
    const waiting = step({ entries }, [podOf()])
    assert.ok(waiting.kind === 'wait' && waiting.why === 'backoff' && waiting.until === NOW + 7000)
    assert.equal(kindOf({ entries }, [podOf()], { settings: { retries: 1 } }), 'wait: gave-up')
  })

  test('L2: pods of a recorded revision are told to skip, and none gets the lock', () => {
    assert.equal(kindOf({ entries: COMPLETED }, [podOf()]), 'skip')
    assert.equal(kindOf({ entries: COMPLETED }, [podOf({ grant: 'skip' })]), 'wait: nothing')
  })

  test('L2: one that started after the record finds it by itself, unless it takes too long', () => {
    const completed = { pod: 'web-a-0', image: 'app:1', started: '2026-01-01T11:00:00Z', seconds: 60, number: 3 }
    const entries = { 'completed.a': JSON.stringify(completed) }
    const justNow = podOf({ state: { running: { startedAt: new Date(NOW - 1000).toISOString() } } })
    const decision = step({ entries }, [justNow])
    assert.ok(decision.kind === 'wait' && decision.until === NOW + 2000)
    assert.equal(kindOf({ entries }, [podOf()]), 'skip')
    const generated = { ...justNow, spec: {} }
    assert.equal(kindOf({ entries }, [generated]), 'skip', 'it mounts no record')
  })

  test('a run that somebody else granted holds the lock', () => {
    assert.equal(kindOf({}, [podOf({ grant: 'run 9' }), podOf({ name: 'web-a-2' })]), 'adopt-run')
    assert.equal(kindOf({ number: 999_999_999_999_999 }, [podOf()]), 'blocked', 'no number is left')
  })

  test('L5: with a named lock, the own one is taken only when that is free', () => {
    const settings = { lock: 'db' }
    const configMap = configMapOf()
    assert.equal(kindOf({}, [podOf()], { settings }), 'read-named')
    const free = { kind: 'free', configMap, turn: 3, isKeptUntil: undefined } as const
    assert.equal(kindOf({}, [podOf()], { settings, named: free }), 'acquire')
    const kept = { ...free, isKeptUntil: NOW + 5 }
    assert.equal(kindOf({}, [podOf()], { settings, named: kept }), 'wait: lock-turn')
    const busy = { kind: 'busy', configMap, isOurs: false } as const
    assert.equal(kindOf({}, [podOf()], { settings, named: busy }), 'wait: lock-busy')
    const lost = { kind: 'lost', configMap: undefined, turn: 0 } as const
    assert.equal(kindOf({}, [podOf()], { settings, named: lost }), 'recover-named')
    assert.equal(kindOf({}, [podOf()], { settings, named: { kind: 'foreign', name: 'x' } }), 'blocked')
    const open = { kind: 'open', pod: podOf({ name: 'job-a-1' }), number: 2 } as const
    assert.equal(kindOf({}, [podOf()], { settings, named: open }), 'settle')
  })
})

describe('The next step while the lock is held', () => {
  const held = (pod: Pod, lock?: string) => ({ number: 5, holder: holderOf(pod, 5, lock) })
  const kindFor = (options: Parameters<typeof podOf>[0], changes: Partial<Snapshot> = {}) => {
    const pod = podOf(options)
    return kindOf(held(pod), [pod], changes)
  }

  for (const [grant, none, success, failure, stale, skipped] of [
    ['wait 4', 'grant', 'complete', 'settle', 'settle', 'settle'],
    ['run 5', 'wait: running', 'complete', 'settle', 'settle', 'settle'],
    ['wait 5', 'release', 'complete', 'fail', 'release', 'release'],
    ['skip', 'release', 'complete', 'fail', 'release', 'release'],
  ] as const)
    test(`L6: told ${grant}: ${[none, success, failure, stale, skipped].join(', ')}`, () => {
      assert.equal(kindFor({ grant }), none)
      assert.equal(kindFor({ grant, state: ended(0, 'run 5') }), success)
      assert.equal(kindFor({ grant, state: ended(1, 'run 5') }), failure)
      assert.equal(kindFor({ grant, state: ended(75, 'stale 5') }), stale)
      assert.equal(kindFor({ grant, state: ended(0) }), skipped)
    })

  test('W7: a failure whose number was overwritten is counted once its next start has said that it was used', () => {
    const after = { state: ended(75, 'stale 5'), lastState: ended(1) }
    assert.equal(kindFor({ grant: 'run 5', lastState: ended(1) }), 'wait: running')
    assert.equal(kindFor({ grant: 'run 5', ...after }), 'settle')
    assert.equal(kindFor({ grant: 'wait 5', ...after }), 'fail')
  })

  test('L6: a pod that is gone, or another of its name, ends it', () => {
    const pod = podOf({ grant: 'run 5' })
    const gone = new Map([['web-a-1', { pod: undefined, isLive: true }]])
    assert.equal(kindOf(held(pod), [], { pods: gone }), 'release')
    const other = { ...pod, metadata: { ...pod.metadata, uid: 'another' } }
    assert.equal(kindOf(held(pod), [other]), 'release')
    assert.equal(kindOf(held(pod), [], { pods: new Map() }), 'read-pod', 'missing in the watch is not gone')
  })

  test('L6: neither deletion, nor a phase, nor time frees it', () => {
    assert.equal(kindFor({ grant: 'run 5', isDeleting: true }), 'wait: running')
    assert.equal(kindFor({ grant: 'run 5', phase: 'Failed' }), 'wait: running')
    const pod = podOf({ grant: 'run 5' })
    const decision = decide(snapshotOf(held(pod), [pod]), { now: NOW + 1e12 })
    assert.equal(decision.kind, 'wait')
  })

  for (const [what, options, changes] of [
    ['that is being deleted', { isDeleting: true }, {}],
    ['that is of an older revision', {}, { replicaSets: [replicaSetOf('a', '0'), replicaSetOf('b', '1')] }],
    ['whose Deployment is gone', {}, { deployment: undefined }],
    ['whose Deployment names another lock by now', {}, { settings: { lock: 'db' } }],
    ['whose wrapper does not run any more', { state: { waiting: {} } }, {}],
  ] as const)
    test(`an undecided number of a pod ${what} is given up by wait n first`, () => {
      const pod = podOf(options)
      assert.equal(kindOf(held(pod), [pod], changes), 'settle')
    })

  test('an undecided number of a pod whose revision was recorded meanwhile is given up by a skip', () => {
    assert.equal(kindOf({ ...held(podOf()), entries: COMPLETED }, [podOf()]), 'skip')
    assert.equal(kindOf({ ...held(podOf()), entries: COMPLETED }, [podOf({ grant: 'run 5' })]), 'wait: running')
  })

  test('L5: the named lock is taken after the own one, and the grant comes after both', () => {
    const pod = podOf()
    const record = held(pod, 'db')
    const configMap = configMapOf()
    const settings = { lock: 'db' }
    assert.equal(kindOf(record, [pod], { settings }), 'read-named')
    const free = { kind: 'free', configMap, turn: 3, isKeptUntil: undefined } as const
    assert.equal(kindOf(record, [pod], { settings, named: free }), 'take-named')
    const busy = { kind: 'busy', configMap, isOurs: false } as const
    assert.equal(kindOf(record, [pod], { settings, named: busy }), 'wait: lock-busy')
    assert.equal(kindOf(record, [pod], { settings, named: { ...busy, isOurs: true } }), 'grant')
  })

  test('the autoscalers’ marks come off before the success is recorded, unless that is refused', () => {
    const annotations = {
      'migrate.io/autoscaler-marks': 'karpenter.sh/do-not-disrupt',
      'karpenter.sh/do-not-disrupt': 'true',
    }
    const pod = podOf({ grant: 'run 5', state: ended(0, 'run 5'), annotations })
    assert.equal(kindOf(held(pod), [pod]), 'unmark')
    assert.equal(kindOf(held(pod), [pod], { markedForGood: new Set([pod.metadata.uid]) }), 'complete')
  })
})

describe('The next step where the record is not as it should be', () => {
  test('L8: missing: created blank; blank or edited: made anew from the pods', () => {
    assert.equal(kindOf({}, [podOf()], { configMap: undefined, read: undefined }), 'create-blank')
    assert.equal(kindOf({}, [podOf()], { read: { kind: 'edited', why: 'x', entries: {} } }), 'recover')
  })

  test('L8, L12: of an earlier Deployment: taken over without its entries; of none: with them, where it is no copy', () => {
    const configMap = configMapOf()
    const ownedBy = (ownerReferences: NonNullable<typeof configMap.metadata.ownerReferences>, uid?: string) => ({
      configMap: {
        metadata: { ...configMap.metadata, ownerReferences },
        data: { ...configMap.data, ...(uid === undefined ? {} : { uid }) },
      },
    })
    const own = configMap.metadata.uid
    const earlier = [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'earlier' }]
    const [dropped, kept] = [step({}, [], ownedBy(earlier, own)), step({}, [], ownedBy([], own))]
    assert.ok(dropped.kind === 'take-over' && !dropped.keep)
    assert.ok(kept.kind === 'take-over' && kept.keep, 'orphaned: its UID is still the one that it says')
    const unknown = step({}, [], ownedBy([]))
    assert.ok(unknown.kind === 'take-over' && !unknown.keep, 'of a version that did not note the UID')
  })

  test('L8: one that is not ours is left alone, and said so', () => {
    const { metadata } = configMapOf()
    const { [RECORD_LABEL]: _, ...labels } = metadata.labels ?? {}
    const configMap = { metadata: { ...metadata, labels } }
    const decision = step({}, [podOf()], { configMap, read: { kind: 'foreign' } })
    assert.ok(decision.kind === 'blocked' && decision.reason === 'foreign-configmap')
  })

  test('without its Deployment nothing is begun, and it is looked at again', () => {
    const decision = step({}, [podOf()], { deployment: undefined })
    assert.ok(decision.kind === 'wait' && decision.why === 'no-deployment' && decision.until !== undefined)
    assert.equal(
      kindOf({}, [podOf()], { configMap: undefined, read: undefined, deployment: undefined }),
      'wait: no-deployment',
    )
  })
})

describe('A pod that was told something and shows no sign of it', () => {
  const toldAt = new Date(NOW - 5_000).toISOString()
  const running = (options: Parameters<typeof podOf>[0] = {}) => podOf({ grant: 'run 5', toldAt, ...options })
  const held = (pod: Pod) => ({ number: 5, holder: holderOf(pod, 5) })

  test('L14: is nudged after 5 s, once for each grant, and looked at then', () => {
    const early = running({ toldAt: new Date(NOW - 2_000).toISOString() })
    const wait = step(held(early), [early])
    assert.ok(wait.kind === 'wait' && wait.why === 'running' && wait.until === NOW + 3_000)
    const due = running()
    const decision = step(held(due), [due])
    assert.ok(decision.kind === 'nudge' && decision.pod === due && decision.wait.why === 'running')
    const nudged = running({ annotations: { 'migrate.io/nudge': 'run 5' } })
    assert.equal(kindOf(held(nudged), [nudged]), 'wait: running')
    const before = running({ annotations: { 'migrate.io/nudge': 'run 4' } })
    assert.equal(kindOf(held(before), [before]), 'nudge', 'that was for the run before')
  })

  test('L14: also one that was told to skip, after all else that there is to do', () => {
    const skipped = podOf({ grant: 'skip', toldAt })
    assert.equal(kindOf({ entries: COMPLETED }, [skipped]), 'nudge')
    const other = podOf({ name: 'web-a-2' })
    assert.equal(kindOf({ entries: COMPLETED }, [skipped, other]), 'skip')
  })

  for (const [what, options] of [
    ['that has ended', { state: ended(0, 'run 5') }],
    ['that is about to start again', { state: ended(137) }],
    ['that is being deleted', { isDeleting: true }],
    ['that was told to wait', { grant: 'wait 5' }],
    ['that somebody else told', { toldAt: undefined }],
  ] as const)
    test(`L14: not one ${what}`, () => {
      const { toldAt: at = toldAt, ...others } = { toldAt, ...options } as Parameters<typeof podOf>[0] & object
      const pod = podOf({ grant: 'run 5', ...('toldAt' in options ? {} : { toldAt: at }), ...others })
      assert.notEqual(step(held(pod), [pod]).kind, 'nudge')
    })
})
