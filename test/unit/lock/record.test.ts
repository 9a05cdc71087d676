import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { rewritten } from '../../../src/lock/config-map.ts'
import { readNamedLock } from '../../../src/lock/named-lock.ts'
import {
  BLANK,
  completedOf,
  failedOf,
  formatRecord,
  isCompleted,
  type LockRecord,
  prune,
  readRecord,
  revisionOf,
  withCompleted,
  withFailed,
} from '../../../src/lock/record.ts'
import { configMapOf, holderOf, podOf } from '../../support/controller/objects.ts'

const COMPLETED = { pod: 'web-a-1', image: 'app:1', started: '2026-01-01T12:00:00Z', seconds: 3, number: 4 }

describe('Lock and record in one ConfigMap', () => {
  test('what is written is read again', () => {
    const entries = withFailed(withCompleted({}, 'a', COMPLETED), 'b', {
      count: 2,
      exit: 1,
      next: '2026-01-01T12:00:00Z',
    })
    const record = { number: 7, holder: holderOf(podOf(), 7, 'db'), entries }
    const read = readRecord(configMapOf(record))
    assert.deepEqual(read, { kind: 'record', record })
    assert.ok(read.kind === 'record' && isCompleted(read.record, 'a') && !isCompleted(read.record, 'b'))
    assert.deepEqual(completedOf(entries, 'a'), COMPLETED)
    assert.equal(failedOf(record, 'b')?.count, 2)
  })

  test('a waiting wrapper finds the pod in the text of the holder, and none in that of a free lock', () => {
    const { holder } = formatRecord({ number: 7, holder: holderOf(podOf(), 7), entries: {} })
    assert.match(holder ?? '', /^\{"pod":"web-a-1",/)
    assert.doesNotMatch(formatRecord({ number: 7, holder: undefined, entries: {} })['holder'] ?? '', /"pod":/)
  })

  test('L8: one without our label is somebody else’s', () => {
    const { metadata, data = {} } = configMapOf()
    assert.equal(readRecord({ metadata: { ...metadata, labels: {} }, data }).kind, 'foreign')
  })

  for (const [what, change] of [
    ['without a holder', { number: '4' }],
    ['without anything', {}],
    ['with a number that is none', { number: 'four', holder: 'free since run 4' }],
    ['free since another run', { number: '5', holder: 'free since run 4' }],
    ['with a holder that is no JSON', { number: '4', holder: '{"pod":' }],
    ['with a holder above the number', { number: '4', holder: JSON.stringify(holderOf(podOf(), 5)) }],
    ['with a holder of no pod', { number: '4', holder: '{"number":4}' }],
  ] as const)
    test(`L8: edited: ${what}`, () => assert.equal(readRecord(configMapOf({}, { data: change })).kind, 'edited'))

  for (const key of ['number', 'holder'])
    test(`L8: edited: ${key} was written by somebody else, whatever it says`, () => {
      const { metadata, data = {} } = configMapOf()
      const managedFields = [{ manager: 'kubectl-edit', fieldsV1: { 'f:data': { [`f:${key}`]: {} } } }]
      assert.equal(readRecord({ metadata: { ...metadata, managedFields }, data }).kind, 'edited')
    })

  test('L8: entries are the user’s to add and to take away', () => {
    const { metadata, data } = configMapOf()
    const managedFields = [{ manager: 'kubectl-edit', fieldsV1: { 'f:data': { 'f:completed.a': {} } } }]
    const read = readRecord({ metadata: { ...metadata, managedFields }, data: { ...data, 'completed.a': 'by hand' } })
    assert.ok(read.kind === 'record' && isCompleted(read.record, 'a'))
    assert.equal(completedOf(read.record.entries, 'a'), undefined)
  })

  test('L12: a copy, which says another UID than its own, is edited, and none of its entries count', () => {
    const configMap = configMapOf({ entries: { 'completed.a': '{}' } })
    const saying = (uid: string) => readRecord({ ...configMap, data: { ...configMap.data, uid } })
    assert.equal(saying(configMap.metadata.uid).kind, 'record')
    const copy = saying('uid of the record that was backed up')
    assert.ok(copy.kind === 'edited')
    assert.deepEqual(copy.entries, {})
  })

  test('L12: of entries that somebody wrote together with the lock, as from a backup, none counts', () => {
    const { metadata, data } = configMapOf({ entries: { 'completed.a': '{}', 'completed.b': '{}' } })
    const theirs = { 'f:number': {}, 'f:completed.b': {} }
    const managedFields = [{ manager: 'kubectl-replace', fieldsV1: { 'f:data': theirs } }]
    const read = readRecord({ metadata: { ...metadata, managedFields }, data: data ?? {} })
    assert.ok(read.kind === 'edited')
    assert.deepEqual(read.entries, { 'completed.a': '{}' })
  })

  test('L8: what somebody added to a record that was just created counts', () => {
    const { metadata } = configMapOf()
    const managedFields = [{ manager: 'kubectl-patch', fieldsV1: { 'f:data': { 'f:completed.a': {} } } }]
    const read = readRecord({ metadata: { ...metadata, managedFields }, data: { ...BLANK, 'completed.a': 'by hand' } })
    assert.ok(read.kind === 'edited')
    assert.deepEqual(read.entries, { 'completed.a': 'by hand' })
  })

  test('L12: a named lock that is a copy is edited too', () => {
    const { metadata } = configMapOf()
    const labels = { 'migrate.io/record': 'lock' }
    const data = { turn: '4', holder: 'free since turn 4, 2026-01-01T00:00:00Z' }
    const saying = (uid: string) => readNamedLock({ metadata: { ...metadata, labels }, data: { ...data, uid } }).kind
    assert.deepEqual([saying(metadata.uid), saying('another')], ['lock', 'edited'])
  })

  test('L12, N1: each write puts in the own UID and the marks, also of one of an earlier version', () => {
    const before = configMapOf()
    const { metadata, data } = rewritten({ ...before, data: { number: '1' } }, { number: '2' })
    assert.deepEqual(data, { number: '2', uid: before.metadata.uid })
    const { ownerReferences, resourceVersion, labels, annotations } = metadata
    assert.deepEqual([ownerReferences, resourceVersion], [before.metadata.ownerReferences, '3'])
    assert.deepEqual(labels, { 'migrate.io/record': 'deployment', 'velero.io/exclude-from-backup': 'true' })
    assert.deepEqual(annotations, {
      'reloader.stakater.com/ignore': 'true',
      'flagger.app/config-tracking': 'disabled',
    })
  })

  test('L8: no text makes it throw', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('number', 'holder', 'completed.a', 'failed.a'), fc.string()),
        (data) => {
          const read = readRecord(configMapOf({}, { data }))
          if (read.kind === 'record') failedOf(read.record, 'a')
        },
      ),
    )
    for (const text of ['null', '[]', '3', '"x"', '{"count":-1,"exit":0}'])
      assert.equal(failedOf({ number: 1, holder: undefined, entries: { 'failed.a': text } }, 'a'), undefined)
  })

  test('L8: an entry with figures that no run has counts as done, and says nothing more', () => {
    for (const change of [{ seconds: 1e15 }, { seconds: -1 }, { started: '+275760-09-13T00:00:00Z' }]) {
      const entries = { 'completed.a': JSON.stringify({ ...COMPLETED, ...change }) }
      assert.ok(isCompleted({ entries }, 'a'))
      assert.equal(completedOf(entries, 'a'), undefined)
    }
    for (const text of ['1e400', '-1e400'])
      for (const [key, value] of [
        ['seconds', '3'],
        ['number', '4'],
      ] as const)
        assert.equal(
          completedOf(
            { 'completed.a': JSON.stringify(COMPLETED).replace(`"${key}":${value}`, `"${key}":${text}`) },
            'a',
          ),
          undefined,
        )
    const untimed = { 'completed.a': JSON.stringify({ ...COMPLETED, started: '' }) }
    assert.equal(completedOf(untimed, 'a')?.number, 4, 'kubelet may tell no time')
  })

  test('L8: 100 rollouts keep the record under 100 KiB; what is present or recent stays', () => {
    let entries: Record<string, string> = {}
    for (let i = 1; i <= 100; i++) {
      const image = `registry.example/${'team/'.repeat(20)}app:${i}`
      entries = {
        ...prune(withCompleted(entries, `revision${i}`, { ...COMPLETED, image, number: i }), new Set(['revision1'])),
      }
      entries = { ...entries, [`failed.gone${i}`]: '{"count":1,"exit":1}' }
    }
    entries = { ...prune(entries, new Set(['revision1'])) }
    assert.ok(JSON.stringify(entries).length < 100 * 1024)
    assert.ok('completed.revision1' in entries, 'its ReplicaSet is there')
    assert.ok('completed.revision100' in entries && !('completed.revision2' in entries))
    assert.ok(Object.keys(entries).length <= 21)
  })
})

const HISTORY_LIMIT = 10 // the API server's default
const MOST_BYTES = 100 * 1024

type Entries = LockRecord['entries']

/** As long as names may get: a pod's, and an image by its digest. */
function succeeded(entries: Entries, revision: string, number: number): Entries {
  const image = `registry.example.com/${'team/'.repeat(20)}shop@sha256:${'0'.repeat(64)}`
  const started = '2026-01-01T00:00:00.000Z'
  return withCompleted(entries, revision, { pod: 'p'.repeat(253), image, started, seconds: 12, number })
}

const bytes = (entries: Entries) => Buffer.byteLength(JSON.stringify(entries))

describe('what is pruned', () => {
  test('L8: 100 rollouts, of which every third failed first, keep the record under 100 KiB', () => {
    let entries: Entries = {}
    for (let number = 1; number <= 100; number++) {
      const revision = `${number}`.padStart(10, 'r')
      if (number % 3 === 0) entries = withFailed(entries, `${revision}f`, { count: 3, exit: 1 })
      const present = Array.from({ length: HISTORY_LIMIT + 1 }, (_, ago) => `${number - ago}`.padStart(10, 'r'))
      entries = prune(succeeded(entries, revision, number), new Set(present))
      assert.ok(bytes(entries) < MOST_BYTES, `${bytes(entries)} bytes after ${number} rollouts`)
      for (const each of present.slice(0, number)) assert.ok(`completed.${each}` in entries, each)
    }
  })

  test('L8: revisions with a ReplicaSet stay, however many; of the others the latest successes', () => {
    let entries: Entries = {}
    for (let number = 1; number <= 60; number++) entries = succeeded(entries, `r${number}`, number)
    entries = { ...entries, 'failed.gone': '{"count":1,"exit":1}', 'completed.byhand': 'yes' }
    const kept = prune(entries, new Set(['r1', 'r2', 'r60']))
    const revisions = Object.keys(kept).map(revisionOf)
    assert.deepEqual(revisions, ['r1', 'r2', ...Array.from({ length: 21 }, (_, n) => `r${n + 40}`)])
  })

  test('L8: nothing is touched while there are few', () => {
    const entries = succeeded({ 'failed.a': '{"count":1,"exit":1}' }, 'b', 1)
    assert.equal(prune(entries, new Set()), entries)
  })
})
