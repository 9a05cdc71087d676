import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { announcementFor, EVENT_REASONS, logLineFor } from '../../../src/controller/events.ts'
import { EventPublisher, REPEAT_EVENT_MS } from '../../../src/controller/reporter.ts'
import type { Api } from '../../../src/kube/api.ts'
import type { Announcement } from '../../../src/kube/event-recorder.ts'
import type { ControllerEvent } from '../../../src/lock/event.ts'
import { PROBLEMS, type ProblemReason } from '../../../src/lock/reasons.ts'

const KEY = { namespace: 'web', deployment: 'shop' }
const FAILED = {
  kind: 'run-failed',
  pod: 'shop-5d8f9-abcde',
  revision: '5d8f9',
  number: 3,
  exitCode: 137,
  isTimeout: false,
  count: 2,
  nextAt: Date.parse('2026-01-01T00:00:00Z'),
} as const

function publisher() {
  const said: Announcement[] = []
  const recorder = {
    record: (_: string, __: unknown, announcement: Announcement) => said.push(announcement),
    waiting: 0,
  }
  const clock = { now: 0 }
  const publisher = new EventPublisher({} as Api, { ...recorder, stop: async () => {} }, () => clock.now)
  return { said, clock, tell: (event: ControllerEvent) => publisher.event(event, KEY) }
}

describe('Events', () => {
  test('L3: a failure says how, how often, when the next try is, and where to look', () => {
    assert.equal(
      announcementFor(FAILED, 'shop')?.note,
      'Run 3 of revision 5d8f9 failed with exit code 137 (signal 9) in pod shop-5d8f9-abcde; failures so far: 2. The next attempt starts no earlier than 2026-01-01T00:00:00.000Z; pods that serve keep serving. See why: kubectl -n shop logs shop-5d8f9-abcde -c migrate-io (add --previous if the container has restarted)',
    )
    assert.match(
      announcementFor({ ...FAILED, nextAt: undefined }, 'shop')?.note ?? '',
      /migrate.io\/retries allows no more attempts/,
    )
    assert.match(
      announcementFor({ ...FAILED, isTimeout: true }, 'shop')?.note ?? '',
      /was terminated at migrate.io\/timeout in pod/,
    )
    assert.match(announcementFor({ ...FAILED, exitCode: 200 }, 'shop')?.note ?? '', /exit code 200 in pod/)
  })

  test('W7: a run that could not be recorded is told with what comes of it, a success and a failure alike', () => {
    const { said, tell } = publisher()
    const event = { kind: 'not-recorded', pod: 'shop-5d8f9-abcde', revision: '5d8f9', number: 3 } as const
    tell({ ...event, exitCode: 0 })
    tell({ ...event, exitCode: 1 })
    assert.deepEqual(
      said.map(({ type, reason }) => `${type} ${reason}`),
      ['Warning MigrationNotRecorded', 'Warning MigrationNotRecorded'],
    )
    assert.match(said[0]?.note ?? '', /run 3 of revision 5d8f9, ended with exit code 0, .*runs the command again/)
    assert.match(said[1]?.note ?? '', /ended with exit code 1, .*It counts as failed.*terminationMessagePath/)
  })

  test('each problem that can be told is, with the table’s sentence', () => {
    for (const reason of Object.keys(PROBLEMS) as ProblemReason[]) {
      const told = announcementFor({ kind: 'problem', reason, object: 'thing', detail: 'password=hunter2' }, 'shop')
      if (reason === 'unavailable') assert.equal(told, undefined)
      else {
        assert.ok(told && told.reason in EVENT_REASONS)
        assert.ok(told.note.startsWith(`thing: ${PROBLEMS[reason]}`))
        // Only who lacks which permission is passed on: other answers may quote what was to be written.
        assert.equal(told.note.includes('hunter2'), reason === 'forbidden')
      }
    }
  })

  test('a rollout of 100 pods is told in a few: skips once per revision, and not after its own run', () => {
    const { said, tell } = publisher()
    for (let i = 0; i < 100; i++) tell({ kind: 'skipped', pod: `shop-5d8f9-${i}`, revision: '5d8f9' })
    assert.deepEqual(
      said.map(({ reason }) => reason),
      ['MigrationSkipped'],
    )
    tell({ kind: 'run-started', pod: 'shop-77777-0', revision: '77777', number: 4 })
    tell({ kind: 'run-succeeded', pod: 'shop-77777-0', revision: '77777', number: 4, seconds: 5 })
    for (let i = 1; i < 100; i++) tell({ kind: 'skipped', pod: `shop-77777-${i}`, revision: '77777' })
    assert.deepEqual(
      said.slice(1).map(({ reason }) => reason),
      ['MigrationStarted', 'MigrationSucceeded'],
    )
  })

  test('a problem of 100 pods that is met at every look is told once, and again while it lasts', () => {
    const { said, clock, tell } = publisher()
    const look = () => {
      for (let i = 0; i < 100; i++)
        for (const reason of ['unknown-protocol', 'unreadable-grant'] as const)
          tell({ kind: 'problem', reason, object: `shop-5d8f9-${i}`, detail: '' })
    }
    for (let i = 0; i < 5; i++) look()
    assert.deepEqual(
      said.map(({ reason }) => reason),
      ['ProtocolUnknown', 'GrantUnreadable'],
    )
    clock.now = REPEAT_EVENT_MS
    look()
    assert.equal(said.length, 4)
  })

  test('of many pods with the same problem one is named, and others only where there are any', () => {
    const { said, tell } = publisher()
    const problem = { kind: 'problem', object: 'shop-5d8f9-0', detail: '' } as const
    tell({ ...problem, reason: 'unknown-protocol', others: 0 })
    tell({ ...problem, reason: 'unreadable-grant', others: 99 })
    assert.deepEqual(
      said.map(({ note }) => note.slice(0, note.indexOf(':'))),
      ['shop-5d8f9-0', 'shop-5d8f9-0 and 99 others'],
    )
  })

  test('a number that was given back unused, and a record that was made, are nobody’s news', () => {
    const { said, tell } = publisher()
    tell({ kind: 'given-up', pod: 'a', number: 1 })
    tell({ kind: 'made-anew', configMap: 'deployment.shop.migrate-io', why: 'missing' })
    assert.deepEqual(said, [])
  })
})

describe('Log lines', () => {
  test('a run whose end nobody saw is told with what is known, and without what may not come true', () => {
    for (const [why, text] of [
      ['pod-gone', /its pod is gone/],
      ['pod-failed', /eviction/],
      ['pod-deleted', /being deleted/],
      ['stale', /restarted/],
    ] as const) {
      const line = logLineFor({ kind: 'interrupted', pod: 'web-a-1', number: 5, why })
      assert.deepEqual([line.level, line.fields], ['warn', { kind: 'interrupted', pod: 'web-a-1', run: 5, why }])
      assert.match(line.text, text)
      assert.doesNotMatch(line.text, /again: it|runs again|will/)
    }
  })

  test('a failed run says what comes next', () => {
    const failed = { kind: 'run-failed', pod: 'p', revision: 'a', number: 5, exitCode: 124, count: 2 } as const
    const nextAt = Date.parse('2026-01-01T12:00:00Z')
    assert.match(
      logLineFor({ ...failed, isTimeout: false, nextAt }).text,
      /failed; next try at 2026-01-01T12:00:00.000Z/,
    )
    assert.match(
      logLineFor({ ...failed, isTimeout: true, nextAt: undefined }).text,
      /migrate.io\/timeout; no more tries/,
    )
  })

  test('S3: of what the API server says, only the beginning is told', () => {
    const problem = { kind: 'problem', reason: 'refused', object: 'o', detail: 'x'.repeat(10_000) } as const
    assert.ok(String(logLineFor(problem).fields['detail']).length <= 400)
  })
})
