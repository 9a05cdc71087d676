import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type LeaderElection, startLeaderElection } from '../../../src/kube/leader-election.ts'
import { FakeClock, settled } from '../../support/kube/fake-clock.ts'
import { FakeLeases } from '../../support/kube/fake-leases.ts'

type Fault = 'none' | 'fails' | 'hangs' | 'answer lost'

interface Candidate {
  clock: FakeClock
  election: LeaderElection
  fault: Fault
  /** `started` and `stopped`, in order, and who was seen to lead. */
  told: string[]
  troubles: unknown[]
  lost: AbortSignal | undefined
}

/** Each candidate has a clock of its own, and a time of day that is wrong by a lot. */
function candidate(leases: FakeLeases, identity: string, { wrongByMs = 0 } = {}): Candidate {
  const clock = new FakeClock()
  const told: string[] = []
  const troubles: unknown[] = []
  const own: Omit<Candidate, 'election'> = { clock, fault: 'none', told, troubles, lost: undefined }
  const election = startLeaderElection({
    api: leases.seenBy(() => own.fault),
    namespace: 'migrate-io',
    name: 'migrate-io-controller',
    identity,
    clock,
    now: () => new Date(1_800_000_000_000 + clock.nowMs() + wrongByMs),
    onStarted(lost) {
      own.lost = lost
      told.push('started')
    },
    onStopped: () => told.push('stopped'),
    onNewLeader: (leader) => told.push(leader),
    onTrouble: (error) => troubles.push(error),
  })
  return Object.assign(own, { election })
}

function holderOf({ stored }: FakeLeases): string | undefined {
  return stored?.spec?.holderIdentity
}

async function pass(candidates: readonly Candidate[], ms: number): Promise<void> {
  const stepMs = 100
  for (let passed = 0; passed < ms; passed += stepMs) for (const { clock } of candidates) await clock.advance(stepMs)
}

test('the first candidate makes the Lease and leads; the second waits as long as it is renewed', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await settled()
  const b = candidate(leases, 'b', { wrongByMs: 3_600_000 })
  await pass([a, b], 120_000)
  assert.deepEqual(a.told, ['a', 'started'])
  assert.deepEqual(b.told, ['a'])
  assert.equal(a.election.isLeading, true)
  assert.equal(b.election.isLeading, false)
  assert.deepEqual([...a.troubles, ...b.troubles], [])
  const { holderIdentity, leaseDurationSeconds, leaseTransitions, acquireTime, renewTime } = leases.stored?.spec ?? {}
  assert.deepEqual([holderIdentity, leaseDurationSeconds, leaseTransitions], ['a', 15, 0])
  assert.match(renewTime ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  assert.ok((acquireTime ?? '') < (renewTime ?? ''))
})

test('O3: stopped, it lets the Lease go, and another takes over in less than 3 s', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await settled()
  const b = candidate(leases, 'b')
  await pass([a, b], 10_000)
  await a.election.stop()
  assert.equal(a.election.isLeading, false)
  assert.equal(a.lost?.aborted, true)
  assert.deepEqual(a.told, ['a', 'started', 'stopped'])
  assert.equal(holderOf(leases), '')
  assert.equal(a.clock.pending, 0)
  await pass([b], 2000)
  assert.equal(b.election.isLeading, true)
  assert.equal(leases.stored?.spec?.leaseTransitions, 1)
})

test('O3: a leader that vanished is replaced after the lease duration, by the clock of who takes over', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a', { wrongByMs: 86_400_000 })
  await settled()
  const b = candidate(leases, 'b', { wrongByMs: -86_400_000 })
  await pass([a, b], 10_000)
  // `a` is not heard of any more; its last renewal may be as old as one retry.
  await pass([b], 13_000)
  assert.equal(b.election.isLeading, false)
  await pass([b], 4_000)
  assert.equal(b.election.isLeading, true)
})

for (const fault of ['fails', 'hangs', 'answer lost'] as const) {
  test(`a leader whose calls end as "${fault}" stops leading at the deadline, before anybody else starts`, async () => {
    const leases = new FakeLeases()
    const a = candidate(leases, 'a')
    await settled()
    const b = candidate(leases, 'b')
    await pass([a, b], 10_000)
    a.fault = fault
    let stoppedAtMs: number | undefined
    let startedAtMs: number | undefined
    for (let ms = 0; ms < 40_000; ms += 100) {
      await pass([a, b], 100)
      if (!a.election.isLeading) stoppedAtMs ??= ms
      if (b.election.isLeading) startedAtMs ??= ms
      assert.ok(!(a.election.isLeading && b.election.isLeading), `both lead after ${ms} ms`)
    }
    assert.ok(a.troubles.length > 0)
    assert.ok(stoppedAtMs !== undefined && stoppedAtMs <= 10_000, `stopped after ${stoppedAtMs} ms`)
    // The one renewal that was written without an answer counts from when it was written.
    const limitMs = fault === 'answer lost' ? 19_000 : 17_500
    assert.ok(startedAtMs !== undefined && startedAtMs <= limitMs, `taken over after ${startedAtMs} ms`)
    a.fault = 'none'
    await b.election.stop()
    await pass([a], 7000)
    assert.equal(a.election.isLeading, true, 'it becomes a candidate again')
  })
}

test('one lost answer costs no leadership', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await pass([a], 10_000)
  for (const fault of ['answer lost', 'hangs', 'fails'] as const) {
    a.fault = fault
    await pass([a], 2100)
    a.fault = 'none'
    await pass([a], 10_000)
  }
  assert.deepEqual(a.told, ['a', 'started'])
})

test('a leader whose Lease is deleted makes it anew, or gives way to who was faster', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await pass([a], 10_000)
  leases.stored = undefined
  await pass([a], 4000)
  assert.equal(a.election.isLeading, true)
  assert.equal(holderOf(leases), 'a')
  leases.stored = undefined
  const b = candidate(leases, 'b')
  await settled()
  assert.equal(b.election.isLeading, true)
  await pass([a, b], 4000)
  assert.equal(a.election.isLeading, false)
  assert.equal(b.election.isLeading, true)
})

test('a process that was stopped for a minute does not believe that it leads, before any of its timers has run', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await pass([a], 3_000)
  a.clock.skip(60_000)
  assert.equal(a.election.isLeading, false)
})

test('stopped in the moment in which it gets the Lease, it leads never and lets it go', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await a.election.stop()
  assert.deepEqual(a.told.includes('started'), false)
  assert.notEqual(holderOf(leases), 'a')
})

test('letting go tries again after a conflict with its own lost renewal, and ends when nobody answers', async () => {
  const leases = new FakeLeases()
  const a = candidate(leases, 'a')
  await pass([a], 10_000)
  a.fault = 'answer lost'
  await pass([a], 2000)
  a.fault = 'none'
  await a.election.stop()
  assert.equal(holderOf(leases), '')

  const b = candidate(leases, 'b')
  await settled()
  b.fault = 'hangs'
  const stopped = b.election.stop()
  await pass([b], 20_000)
  await stopped
  assert.deepEqual(b.told, ['b', 'started', 'stopped'])
})

test('whatever fails and whenever: never two leaders, and one again soon after all is well', async () => {
  const step = fc.record({
    who: fc.nat(2),
    fault: fc.constantFrom<Fault>('none', 'fails', 'hangs', 'answer lost'),
    ms: fc.integer({ min: 100, max: 15_000 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const leases = new FakeLeases()
      const all = ['a', 'b', 'c'].map((identity, nth) => candidate(leases, identity, { wrongByMs: nth * 7_000_000 }))
      const watched = async (ms: number) => {
        for (let passed = 0; passed < ms; passed += 100) {
          await pass(all, 100)
          assert.ok(all.filter(({ election }) => election.isLeading).length <= 1, 'two lead at a time')
        }
      }
      for (const { who, fault, ms } of steps) {
        const chosen = all[who]
        if (chosen) chosen.fault = fault
        await watched(ms)
      }
      for (const each of all) each.fault = 'none'
      await watched(25_000)
      assert.equal(all.filter(({ election }) => election.isLeading).length, 1)
    }),
    { numRuns: 25 },
  )
})
