import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type LockRecord, prune, revisionOf, withCompleted, withFailed } from '../../../src/lock/record.ts'

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
