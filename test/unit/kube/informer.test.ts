import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Clock, systemClock } from '../../../src/kube/clock.ts'
import { type InformerLimits, type InformerTrouble, startInformer } from '../../../src/kube/informer.ts'
import { connect } from '../../../src/kube/transport.ts'
import { FakeApiServer } from '../../support/kube/fake-api-server.ts'
import { FakeWatched, type RequestFault, type StreamFault } from '../../support/kube/fake-watched.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 20_000
const FASTER = 20

/** Backoffs and limits in a twentieth of the time; the longest backoff of 2 s lasts 100 ms. */
const fastClock: Clock = {
  nowMs: () => systemClock.nowMs() * FASTER,
  after: (delayMs, callback) => systemClock.after(delayMs / FASTER, callback),
  random: () => 0.5,
}

interface Item {
  name: string
  uid: string
  version: string
}

async function watched(t: TestContext, limits: Partial<InformerLimits> = {}) {
  const fake = new FakeWatched()
  const server = await FakeApiServer.start(t, fake.handler)
  const transport = await connect(server.target, { callMs: 300 })
  const troubles: InformerTrouble[] = []
  const restarts: string[] = []
  /** What the handlers were told adds up to. */
  const told = new Map<string, Item>()
  const versions = new Set<string>()
  const faults: string[] = []
  const watch = startInformer(transport, {
    kind: 'Pod',
    selection: { labelSelector: 'migrate.io/protocol', fieldSelector: 'status.phase=Pending' },
    project: ({ metadata }): Item => ({
      name: metadata.name,
      uid: metadata.uid,
      version: metadata.resourceVersion,
    }),
    handlers: {
      changed(item, before) {
        const known = told.get(item.uid)
        if (versions.has(item.version)) faults.push(`${item.name} ${item.version} was told twice`)
        versions.add(item.version)
        if (known?.version !== before?.version) faults.push(`${item.name}: not what was told before`)
        told.set(item.uid, item)
      },
      gone(item) {
        if (!told.delete(item.uid)) faults.push(`${item.name} was gone already`)
      },
    },
    onTrouble: (trouble) => troubles.push(trouble),
    onRestart: (what) => restarts.push(what),
    clock: fastClock,
    limits,
  })
  t.after(async () => {
    await watch.stop()
    transport.close()
  })
  const agrees = () => {
    const there = [...fake.pods].map(([name, { version, made }]) => `${name}-${made} ${version}`).toSorted()
    const view = [...watch.items()].map(({ uid, version }) => `${uid} ${version}`).toSorted()
    const heard = [...told.values()].map(({ uid, version }) => `${uid} ${version}`).toSorted()
    return there.join() === view.join() && there.join() === heard.join() ? 'agrees' : `${there} / ${view} / ${heard}`
  }
  const settle = () =>
    until('the view agrees', agrees, { limitMs: LIMIT_MS, intervalMs: 5, accept: (is) => is === 'agrees' })
  const following = () => until('a stream is open', () => fake.streams > 0, { limitMs: LIMIT_MS, intervalMs: 5 })
  return { fake, server, watch, troubles, restarts, faults, settle, following }
}

test('lists in pages, then follows, and asks only for what is selected, with bookmarks', async (t) => {
  const { fake, server, watch, settle, following, troubles, faults } = await watched(t)
  assert.equal(watch.isSynced, false)
  for (const name of ['a', 'b', 'c']) fake.put(name)
  await watch.synced
  assert.equal(watch.isSynced, true)
  await settle()
  await following()
  fake.put('a')
  fake.put('d')
  fake.delete('b')
  await settle()
  assert.equal(watch.size, 3)
  for (const { url } of server.requests) {
    assert.equal(url.pathname, '/api/v1/pods')
    assert.equal(url.searchParams.get('labelSelector'), 'migrate.io/protocol')
    assert.equal(url.searchParams.get('fieldSelector'), 'status.phase=Pending')
  }
  const request = server.requests.at(-1)?.url.searchParams
  assert.equal(request?.get('allowWatchBookmarks'), 'true')
  assert.equal(request?.get('timeoutSeconds'), '450')
  assert.deepEqual([...troubles, ...faults], [])
})

const STREAM_FAULTS: StreamFault[] = [
  ...([
    'end',
    'reset',
    'half a line',
    'bad JSON',
    'no event',
    '410 within',
    '500 within',
    'doubled',
    'all over again',
  ] as const),
]
for (const fault of STREAM_FAULTS) {
  test(`O4: a stream with "${fault}": nothing lost, nothing doubled`, async (t) => {
    const { fake, settle, following, faults } = await watched(t)
    fake.put('a')
    await settle()
    await following()
    fake.put('b')
    fake.put('b')
    fake.disturb(fault)
    fake.put('c')
    fake.delete('a')
    await settle()
    fake.put('d')
    await settle()
    assert.deepEqual(faults, [])
  })
}

for (const fault of [410, 429, 500, 'reset', 'silent', 'empty'] as RequestFault[]) {
  test(`O4: requests that meet "${fault}" are repeated until they succeed`, async (t) => {
    const { fake, settle, watch, following, faults, troubles } = await watched(t)
    fake.listFaults.push(fault, fault)
    fake.put('a')
    await watch.synced
    await following()
    fake.watchFaults.push(fault, fault)
    fake.disturb('reset')
    fake.put('b')
    await settle()
    assert.deepEqual(faults, [])
    assert.ok(troubles.length > 0)
  })
}

test('O4: what was compacted while the stream was away is listed anew, with what has vanished', async (t) => {
  const { fake, settle, following, faults, restarts } = await watched(t)
  for (const name of ['a', 'b', 'c', 'd']) fake.put(name)
  await settle()
  await following()
  fake.disturb('reset')
  fake.delete('b')
  fake.delete('c')
  fake.put('c') // under its name, but another one
  fake.compact()
  await settle()
  assert.deepEqual(faults, [])
  assert.ok(restarts.includes('list'))
})

test('O4: a silent watch is given up and begun again where it was', async (t) => {
  const { fake, settle, following, restarts, troubles } = await watched(t, { stallMs: 2000 })
  fake.put('a')
  await settle()
  await following()
  const { lists, watches } = fake
  await until('it was given up twice', () => fake.watches >= watches + 2, { limitMs: LIMIT_MS })
  assert.match(String(troubles[0]?.error), /silent for 2 s/)
  fake.put('b')
  await settle()
  assert.ok(restarts.includes('stream'))
  assert.ok(fake.lists - lists <= fake.watches - watches)
})

test('O4: a change that no stream ever told is found by the next list', async (t) => {
  const { fake, settle, following, faults, troubles } = await watched(t, { relistMs: 3000 })
  fake.put('a')
  await settle()
  await following()
  fake.disturb('lost')
  await until('time has passed', () => new Promise((done) => setTimeout(() => done(true), 200)), { limitMs: LIMIT_MS })
  fake.disturb('end')
  await settle()
  assert.deepEqual([...faults, ...troubles], [])
})

test('O4: 429 is waited out as long as the server asks', async (t) => {
  const { fake, following, settle } = await watched(t)
  await following()
  const { watches } = fake
  fake.watchFaults.push(429)
  const beforeMs = fastClock.nowMs()
  fake.disturb('reset')
  await until('it asks once more after the 429', () => fake.watches === watches + 2, {
    limitMs: LIMIT_MS,
    intervalMs: 1,
  })
  assert.ok(fastClock.nowMs() - beforeMs >= 1000)
  fake.put('a')
  await settle()
})

test('handlers, projections and hooks that throw, at once or later, stop nothing', async (t) => {
  const fake = new FakeWatched()
  const server = await FakeApiServer.start(t, fake.handler)
  const transport = await connect(server.target)
  const troubles: InformerTrouble[] = []
  const watch = startInformer(transport, {
    kind: 'Pod',
    selection: {},
    project({ metadata: { name } }) {
      if (name === 'bad') throw new Error('project')
      return name
    },
    handlers: {
      async changed(name) {
        if (name === 'late') throw new Error('late')
      },
      gone() {
        throw new Error('gone')
      },
    },
    onTrouble(trouble) {
      troubles.push(trouble)
      throw new Error('log')
    },
    onRestart() {
      throw new Error('metrics')
    },
    clock: fastClock,
  })
  t.after(async () => {
    await watch.stop()
    transport.close()
  })
  const names = () => [...watch.items()].toSorted().join()
  const shows = (expected: string) => until(expected, () => names() === expected, { limitMs: LIMIT_MS, intervalMs: 5 })
  for (const name of ['a', 'bad', 'late']) fake.put(name)
  await shows('a,late')
  await until('a stream is open', () => fake.streams > 0, { limitMs: LIMIT_MS })
  fake.delete('a')
  fake.put('bad')
  fake.put('b')
  await shows('b,late')
  fake.disturb('reset')
  fake.compact()
  fake.put('c')
  await shows('b,c,late')
  const errors = troubles.filter(({ at }) => at === 'handler').map(({ error }) => (error as Error).message)
  for (const expected of ['project', 'late', 'gone']) assert.ok(errors.includes(expected), expected)
})

test('stop ends all of it at once, also while the API server is silent', async (t) => {
  const { fake, watch, following } = await watched(t)
  await following()
  await watch.stop()
  await until('the stream is closed', () => fake.streams === 0, { limitMs: LIMIT_MS })
  const { lists, watches } = fake
  fake.put('a')
  await new Promise((done) => setImmediate(done))
  assert.deepEqual([fake.lists, fake.watches, watch.size], [lists, watches, 0])

  const other = await watched(t)
  other.fake.listFaults.push('silent')
  await until('it asks', () => other.fake.lists > 0, { limitMs: LIMIT_MS })
  await other.watch.stop()
  await other.watch.synced
  assert.equal(other.watch.isSynced, false)
})

test('O4: whatever happens in whatever order: the view agrees in the end, and each change is told once', async (t) => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('put' as const), name }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), name }) },
    fc.record({ kind: fc.constant('disturb' as const), fault: fc.constantFrom(...STREAM_FAULTS) }),
    fc.record({
      kind: fc.constant('list' as const),
      fault: fc.constantFrom<RequestFault>(410, 429, 500, 'reset', 'empty'),
    }),
    fc.record({
      kind: fc.constant('watch' as const),
      fault: fc.constantFrom<RequestFault>(410, 429, 500, 'reset', 'empty'),
    }),
    fc.record({ kind: fc.constant('compact' as const) }),
    fc.record({ kind: fc.constant('breathe' as const), ms: fc.nat(20) }),
  )
  const { fake, settle, faults } = await watched(t)
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      for (const each of steps) {
        if (each.kind === 'put') fake.put(each.name)
        else if (each.kind === 'delete') fake.delete(each.name)
        else if (each.kind === 'disturb') fake.disturb(each.fault)
        else if (each.kind === 'list') fake.listFaults.push(each.fault)
        else if (each.kind === 'watch') fake.watchFaults.push(each.fault)
        else if (each.kind === 'compact') fake.compact()
        else await new Promise((done) => setTimeout(done, each.ms))
      }
      await settle()
      assert.deepEqual(faults, [])
    }),
    { numRuns: 40 },
  )
})
