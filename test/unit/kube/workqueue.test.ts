import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createWorkqueue, type WorkqueueOptions } from '../../../src/kube/workqueue.ts'
import { FakeClock, settled } from '../../support/kube/fake-clock.ts'

/** A queue whose work ends when the test says so. */
function manual(options: Partial<WorkqueueOptions> = {}) {
  const clock = new FakeClock()
  const started: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const queue = createWorkqueue({
    clock,
    work(key) {
      started.push(key)
      const end = Promise.withResolvers<void>()
      assert.ok(!ends.has(key), `${key} is worked on twice at a time`)
      ends.set(key, end)
      return end.promise.finally(() => ends.delete(key))
    },
    ...options,
  })
  const finish = async (key: string, error?: Error) => {
    if (error) ends.get(key)?.reject(error)
    else ends.get(key)?.resolve()
    await settled()
  }
  return { clock, started, queue, finish, running: () => [...ends.keys()] }
}

test('a key is worked on by one worker at a time; added meanwhile, once more afterwards', async () => {
  const { queue, started, finish } = manual()
  queue.add('a')
  for (let times = 0; times < 3; times++) queue.add('a')
  await settled()
  assert.deepEqual(started, ['a'])
  await finish('a')
  assert.deepEqual(started, ['a', 'a'])
  await finish('a')
  assert.deepEqual(started, ['a', 'a'])
})

test('never more keys at a time than allowed, in order of arrival', async () => {
  const { queue, started, finish, running } = manual({ concurrency: 2 })
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
  assert.deepEqual(running(), ['a', 'b'])
  assert.equal(queue.waiting, 2)
  await finish('b')
  assert.deepEqual(running(), ['a', 'c'])
  await finish('a')
  assert.deepEqual(started, ['a', 'b', 'c', 'd'])
})

test('S6: lanes take turns, so that one key of another namespace does not wait for thousands', async () => {
  const laneOf = (key: string) => key.slice(0, 1)
  const { queue, started, finish, running } = manual({ concurrency: 2, laneOf })
  for (let nth = 0; nth < 5_000; nth++) queue.add(`a${nth}`)
  for (const key of ['b0', 'b1', 'c0']) queue.add(key)
  assert.equal(queue.waiting, 5_001)
  for (let nth = 0; nth < 5; nth++) await finish(running()[0] ?? '')
  assert.deepEqual(started, ['a0', 'a1', 'a2', 'b0', 'c0', 'a3', 'b1'])
})

test('S6: slow work of one lane leaves room for others, and each lane has its turn again', async () => {
  const laneOf = (key: string) => key.slice(0, 1)
  const { queue, finish, running, started } = manual({ concurrency: 3, perLane: 2, laneOf })
  for (const key of ['a0', 'a1', 'a2', 'a3']) queue.add(key)
  assert.deepEqual(running(), ['a0', 'a1'])
  queue.add('b0')
  assert.deepEqual(running(), ['a0', 'a1', 'b0'])
  await finish('b0')
  assert.deepEqual(running(), ['a0', 'a1'])
  await finish('a1')
  assert.deepEqual(running(), ['a0', 'a2'])
  for (const key of ['a0', 'a2', 'a3']) await finish(key)
  assert.deepEqual(started, ['a0', 'a1', 'b0', 'a2', 'a3'])
})

test('of several delays the earliest counts, and an add at once comes before all', async () => {
  const { queue, started, clock, finish } = manual()
  queue.addAfter('a', 500)
  queue.addAfter('a', 100)
  queue.addAfter('a', 300)
  await clock.advance(99)
  assert.deepEqual(started, [])
  await clock.advance(1)
  assert.deepEqual(started, ['a'])
  await finish('a')
  await clock.advance(1000)
  assert.deepEqual(started, ['a'], 'the later ones are gone')
  queue.addAfter('b', 100)
  queue.add('b')
  await finish('b')
  await clock.advance(1000)
  assert.deepEqual(started, ['a', 'b'])
})

test('a delay that ends while the key is worked on has it worked on once more', async () => {
  const { queue, started, clock, finish } = manual()
  queue.add('a')
  queue.addAfter('a', 10)
  await clock.advance(10)
  assert.deepEqual(started, ['a'])
  await finish('a')
  assert.deepEqual(started, ['a', 'a'])
})

test('a failing key comes back after its own backoff, doubling to the largest, and anew after a success', async () => {
  const delays: number[] = []
  let isBroken = true
  const clock = new FakeClock(1 - Number.EPSILON)
  let lastMs = 0
  const queue = createWorkqueue({
    clock,
    backoff: { firstMs: 100, maxMs: 400 },
    async work(key) {
      if (key !== 'bad') return
      delays.push(Math.round(clock.nowMs() - lastMs))
      lastMs = clock.nowMs()
      if (isBroken) throw new Error('not now')
    },
  })
  queue.add('bad')
  await clock.advance(2000)
  assert.deepEqual(delays, [0, 100, 200, 400, 400, 400, 400])
  isBroken = false
  await clock.advance(400)
  isBroken = true
  delays.length = 0
  lastMs = clock.nowMs()
  queue.add('bad')
  await clock.advance(150)
  assert.deepEqual(delays, [0, 100])
})

test('the jitter spreads a backoff over its second half', async () => {
  for (const [random, expected] of [
    [0, 50],
    [0.5, 75],
  ] as const) {
    const clock = new FakeClock(random)
    const times: number[] = []
    const queue = createWorkqueue({
      clock,
      backoff: { firstMs: 100, maxMs: 400 },
      async work() {
        times.push(clock.nowMs())
        if (times.length === 1) throw new Error('once')
      },
    })
    queue.add('a')
    await clock.advance(1000)
    assert.deepEqual(times, [0, expected])
  }
})

test('a failure is told with its count, and its Retry-After is waited for', async () => {
  const clock = new FakeClock()
  const told: unknown[] = []
  const times: number[] = []
  const error = new Error('busy')
  const queue = createWorkqueue({
    clock,
    async work() {
      times.push(clock.nowMs())
      if (times.length < 3) throw error
    },
    onFailure(failure) {
      told.push(failure)
      if (told.length === 2) throw new Error('the log is full')
      return { atLeastMs: 7000 }
    },
  })
  queue.add('a')
  await clock.advance(20_000)
  assert.deepEqual(told, [
    { key: 'a', error, failures: 1 },
    { key: 'a', error, failures: 2 },
  ])
  assert.equal(times[1], 7000)
  assert.equal(times.length, 3, 'a hook that throws changes nothing')
})

test('work that throws at once counts as failed and stops nothing', async () => {
  const clock = new FakeClock()
  const worked: string[] = []
  const queue = createWorkqueue({
    clock,
    concurrency: 1,
    work(key) {
      worked.push(key)
      if (key === 'bad') throw new Error('at once')
      return Promise.resolve()
    },
  })
  queue.add('bad')
  queue.add('good')
  await clock.advance(1)
  assert.deepEqual(worked, ['bad', 'good'])
})

test('O3: stop starts nothing more and waits for what is under way', async () => {
  const { queue, started, clock, finish } = manual({ concurrency: 1 })
  queue.add('a')
  queue.add('a')
  queue.add('b')
  queue.addAfter('c', 10)
  let isDone = false
  const done = queue.stop().then(() => {
    isDone = true
  })
  queue.add('d')
  await clock.advance(100)
  assert.equal(isDone, false)
  await finish('a', new Error('while stopping'))
  await done
  await clock.advance(10_000)
  assert.deepEqual(started, ['a'])
  assert.equal(clock.pending, 0)
  await queue.stop()
})

test('whatever is added, and fails, and when: no key twice at a time, none forgotten', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), key: fc.constantFrom('a', 'b', 'c') }),
    fc.record({ kind: fc.constant('later' as const), key: fc.constantFrom('a', 'b', 'c'), ms: fc.nat(300) }),
    fc.record({ kind: fc.constant('finish' as const), key: fc.constantFrom('a', 'b', 'c'), fails: fc.boolean() }),
    fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(200) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const laneOf = (key: string) => (key === 'a' ? 'one' : 'two')
      const { queue, clock, finish, started, running } = manual({ concurrency: 2, laneOf, perLane: 1 })
      /** Added, and not started since. */
      const owed = new Set<string>()
      const note = () => {
        for (const key of started.splice(0)) owed.delete(key)
      }
      for (const each of steps) {
        note()
        if (each.kind === 'add' || each.kind === 'later') owed.add(each.key)
        if (each.kind === 'add') queue.add(each.key)
        else if (each.kind === 'later') queue.addAfter(each.key, each.ms)
        else if (each.kind === 'pass') await clock.advance(each.ms)
        else await finish(each.key, each.fails ? new Error('random') : undefined)
      }
      while (running().length > 0 || clock.pending > 0) {
        note()
        assert.ok(running().length <= 2)
        for (const key of running()) await finish(key)
        await clock.advance(5000)
      }
      note()
      assert.deepEqual([...owed], [])
    }),
    { numRuns: 300 },
  )
})
