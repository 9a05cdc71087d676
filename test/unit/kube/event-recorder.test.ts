import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Api, KubeError } from '../../../src/kube/api.ts'
import { createEventRecorder, type Regarding } from '../../../src/kube/event-recorder.ts'
import type { Event } from '../../../src/kube/objects.ts'

const DEPLOYMENT: Regarding = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'web', name: 'shop', uid: 'u1' }
const SHOP = async () => DEPLOYMENT
const STARTED = { type: 'Normal', reason: 'MigrationStarted', action: 'Migrate', note: 'run 1' } as const
const MINUTE_MS = 60_000

/** An API server of Events only, which keeps what it took. */
function fake({ refuses = () => undefined }: { refuses?: (event: Event) => KubeError | undefined } = {}) {
  const stored = new Map<string, Event>()
  const put = async (event: Event) => {
    const error = refuses(event)
    if (error !== undefined) throw error
    stored.set(event.metadata.name, event)
    return event
  }
  const api = {
    create: (_: 'Event', event: Event) => put(event),
    replace: (_: 'Event', event: Event) => put(event),
  } as unknown as Api
  const lost: unknown[] = []
  let now = Date.parse('2026-01-01T00:00:00Z')
  let names = 0
  const recorder = createEventRecorder({
    api,
    instance: 'me',
    now: () => now,
    unique: () => String(names++),
    onLost: (error) => lost.push(error),
  })
  return { recorder, stored, lost, pass: (ms: number) => (now += ms) }
}

/** Counts of all that is stored, in order. */
function counts(stored: Map<string, Event>): number[] {
  return [...stored.values()].map(({ series }) => series?.count ?? 1)
}

test('the same within six minutes of the last time is counted, and later said anew', async () => {
  const { recorder, stored, lost, pass } = fake()
  for (const minutes of [0, 5, 5, 7]) {
    pass(minutes * MINUTE_MS)
    recorder.record('web', SHOP, STARTED)
  }
  await recorder.stop()
  assert.deepEqual(counts(stored), [3, 1])
  assert.deepEqual(lost, [])
  const [first] = stored.values()
  assert.equal(first?.eventTime, '2026-01-01T00:00:00.000000Z')
  assert.equal(first?.series?.lastObservedTime, '2026-01-01T00:10:00.000000Z')
})

test('another note and another object are said apart, and one that has gone not at all', async () => {
  const { recorder, stored } = fake()
  recorder.record('web', SHOP, STARTED)
  recorder.record('web', SHOP, { ...STARTED, note: 'run 2' })
  recorder.record('web', async () => ({ ...DEPLOYMENT, uid: 'u2' }), STARTED)
  recorder.record('web', async () => undefined, STARTED)
  await recorder.stop()
  assert.deepEqual(counts(stored), [1, 1, 1])
})

test('an Event that has gone meanwhile is said anew', async () => {
  const conflict = new KubeError('conflict', 'gone')
  const { recorder, stored, lost } = fake({ refuses: ({ series }) => (series ? conflict : undefined) })
  recorder.record('web', SHOP, STARTED)
  recorder.record('web', SHOP, STARTED)
  await recorder.stop()
  assert.deepEqual(counts(stored), [1, 1])
  assert.deepEqual(lost, [])
})

test('one that is refused is lost and told, and the next ones are said', async () => {
  const forbidden = new KubeError('forbidden', 'no')
  const { recorder, stored, lost } = fake({ refuses: ({ note }) => (note === 'run 1' ? forbidden : undefined) })
  recorder.record('web', SHOP, STARTED)
  recorder.record('web', SHOP, { ...STARTED, note: 'run 2' })
  // The end of the work, seen without stopping it: the third comes after all before it.
  recorder.record('web', SHOP, { ...STARTED, note: 'run 3' })
  while (recorder.waiting > 0 || stored.size < 2) await new Promise(setImmediate)
  assert.deepEqual(
    [...stored.values()].map(({ note }) => note),
    ['run 2', 'run 3'],
  )
  assert.deepEqual(lost, [forbidden])
})

test('while the API server is away, the oldest are dropped and memory stays bounded', () => {
  const { recorder, lost } = fake()
  for (let i = 0; i < 1_500; i++) recorder.record('web', SHOP, { ...STARTED, note: `run ${i}` })
  assert.equal(recorder.waiting, 1_000)
  assert.equal(lost.length, 499)
})

test('S6: a flood of Events of one namespace neither delays those of another nor pushes them out', async () => {
  const { recorder, stored, lost } = fake()
  for (let i = 0; i < 500; i++) recorder.record('flooded', SHOP, { ...STARTED, note: `run ${i}` })
  recorder.record('quiet', SHOP, { ...STARTED, note: 'quiet' })
  for (let i = 500; i < 2_000; i++) recorder.record('flooded', SHOP, { ...STARTED, note: `run ${i}` })
  await recorder.stop()
  const notes = [...stored.values()].map(({ note }) => note)
  assert.ok(notes.indexOf('quiet') >= 0 && notes.indexOf('quiet') < 3, `as number ${notes.indexOf('quiet')}`)
  assert.equal(lost.length, 1_000)
})

test('S6: what was said is remembered of a bounded number of Events; an older one is said anew', async () => {
  const { recorder, stored } = fake()
  for (let i = 0; i < 3_000; i++) {
    recorder.record('web', SHOP, { ...STARTED, note: `run ${i}` })
    while (recorder.waiting > 900) await new Promise(setImmediate)
  }
  recorder.record('web', SHOP, { ...STARTED, note: 'run 2999' })
  recorder.record('web', SHOP, { ...STARTED, note: 'run 0' })
  await recorder.stop()
  const of = (note: string) => [...stored.values()].filter((event) => event.note === note)
  assert.deepEqual(
    [of('run 2999'), of('run 0')].map((events) => events.length),
    [1, 2],
  )
})
