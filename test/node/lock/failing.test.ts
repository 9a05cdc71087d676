import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { delayMs } from '../../../src/lock/backoff.ts'
import { FIELD_MANAGER, lockConfigMapName } from '../../../src/names.ts'
import type { Manifest } from '../../support/installation/deployment.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import type { LogLine } from '../../support/lock/controller-process.ts'
import { openFlaggedWorkshop } from '../../support/lock/flagged.ts'
import { isUp } from '../../support/lock/flags.ts'
import { type Failure, failuresOf } from '../../support/lock/record-of.ts'
import { callService, serve } from '../../support/lock/service.ts'
import { makeStage } from '../../support/lock/stage.ts'
import type { Workshop } from '../../support/lock/workshop.ts'
import { lasted, length } from '../../support/runner/full-length.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('failing')

const LIMIT_MS = 60_000
/** By then a try would have started: 1.5 s after its time at most when nothing else goes on. */
const PROMPT_MS = 5_000
/** Longer than all that is waited for in these tests, and less than the longest backoff: what is further off counts for nothing. */
const PUT_OFF_MS = 290_000
/** A live annotation is seen when the lock is looked at without any event. */
const LOOK_LIMIT_MS = 60_000

/** kubectl goes on waiting for it, which it does for 10 min by default, however long the tries take. */
function waitPatiently(manifest: Manifest): void {
  Object.assign(manifest.spec, { progressDeadlineSeconds: 3600 })
}

function servePatiently(manifest: Manifest): void {
  serve(manifest)
  waitPatiently(manifest)
}

/** A command that fails while the flag of its revision is up. */
const open = () => openFlaggedWorkshop(stage, { does: `! ${isUp('fails-$REVISION')}` })

/** The failure of that number, once it is recorded. */
async function failure(workshop: Workshop, deployment: string, count: number): Promise<Failure> {
  const all = await until(`failure ${count} of ${deployment} is recorded`, () => failuresOf(workshop, deployment), {
    limitMs: LIMIT_MS,
    intervalMs: 20,
    accept: (seen) => seen.some((one) => one.count === count),
  })
  const found = all.find((one) => one.count === count)
  assert.ok(found)
  return found
}

/** Writes a later next try into the record of a failure. */
async function putOff(workshop: Workshop, deployment: string, { revision, count, exit }: Failure): Promise<void> {
  const failed = { count, exit, next: new Date(Date.now() + PUT_OFF_MS).toISOString() }
  const path = `/api/v1/namespaces/${workshop.name}/configmaps/${lockConfigMapName(deployment)}`
  const change = { data: { [`failed.${revision}`]: JSON.stringify(failed) } }
  const answer = await stage.cluster.request('PATCH', `${path}?fieldManager=${FIELD_MANAGER}`, change, MERGE_PATCH)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
}

/** When the test saw that start of a revision, with the first for 1. */
async function start(workshop: Workshop, { revision, number }: { revision: string; number: number }, limitMs: number) {
  await until(
    `start ${number} of ${revision}`,
    () => workshop.journal.starts().filter(({ replicaSet }) => replicaSet.endsWith(`-${revision}`)).length >= number,
    { limitMs, intervalMs: 20 },
  )
  return Date.now()
}

describe('a failing migration', { concurrency: true }, () => {
  test('L3: is tried again with the documented backoff, while the old pods keep serving', async (t) => {
    const { workshop, flags, options } = await open()
    const { place } = workshop.site
    await workshop.rollOut('tried', options({ change: servePatiently }))
    using service = await callService(place, 'tried')
    await until('the app is reached', () => service.samples().at(-1)?.text === '1', { limitMs: LIMIT_MS })
    flags.raise('fails-2')
    const [from, late] = [Date.now(), [] as number[]]
    await workshop.apply('tried', options({ revision: 2, change: servePatiently }))

    // Before a failure, so that its delay begins after it.
    let since = from
    let settled = 0
    for (let count = 1; count <= length.failures; count++) {
      const { revision, exit, nextMs } = await failure(workshop, 'tried', count)
      const seen = Date.now()
      settled ||= seen
      assert.equal(exit, 1)
      const inWords = `failure ${count}, between ${since} and ${seen}: the next try is at ${nextMs}`
      assert.ok(since + delayMs(count) <= nextMs && nextMs <= seen + delayMs(count), inWords)
      since = nextMs
      if (count === length.failures) flags.lower('fails-2')
      const started = await start(workshop, { revision, number: count + 1 }, delayMs(count) + LIMIT_MS)
      assert.ok(started >= nextMs, `try ${count + 1} starts ${nextMs - started} ms before its time`)
      late.push(started - nextMs)
    }
    const fixed = Date.now()
    t.diagnostic(`${fixed - from} ms; after their time the tries started by ${late.join(', ')} ms`)
    await workshop.rolledOut('tried')

    const meanwhile = service.samples().filter(({ atMs }) => atMs > settled && atMs < fixed)
    assert.ok(meanwhile.length > 100, `${meanwhile.length} calls`)
    assert.deepEqual([...new Set(meanwhile.map(({ text }) => text))], ['1'])
    await until('the new revision serves', () => service.samples().at(-1)?.text === '2', { limitMs: LIMIT_MS })
    assert.equal(workshop.journal.starts().length, 1 + length.failures + 1)
    assert.deepEqual(await failuresOf(workshop, 'tried'), [], 'the success takes the failures off')
    workshop.journal.assertInOrder()
  })

  test('L3: is tried as often as migrate.io/retries says, which may be changed while it waits', async () => {
    const { workshop, flags, options } = await open()
    const { place } = workshop.site
    flags.raise('fails-1')
    await workshop.apply('limited', options({ settings: { retries: '1' }, change: waitPatiently }))
    const { nextMs } = await failure(workshop, 'limited', 2)
    const gaveUp = () =>
      stage.controller.logs().some((line) => line['namespace'] === workshop.name && line.reason === 'gave-up')
    await until('the controller says that it gave up', gaveUp, { limitMs: LIMIT_MS })
    await lasted(nextMs, PROMPT_MS + length.quietMs)
    assert.equal(workshop.journal.starts().length, 2)

    flags.lower('fails-1')
    await place.kubectl(['annotate', 'deployment/limited', '--overwrite', 'migrate.io/retries=2'])
    await until('it is tried again', () => workshop.journal.starts().length === 3, { limitMs: LOOK_LIMIT_MS })
    await workshop.rolledOut('limited')
    assert.equal(workshop.journal.starts().length, 3)
    workshop.journal.assertInOrder()
  })

  test('L3: holds up no newer revision, be that a fixed one or one that fails too', async (t) => {
    const { workshop, flags, options } = await open()
    await workshop.rollOut('newer', options({ settings: { retries: '1' } }))
    for (const revision of [2, 3]) flags.raise(`fails-${revision}`)
    await workshop.apply('newer', options({ revision: 2 }))
    const older = await failure(workshop, 'newer', 2) // by now without more tries
    await putOff(workshop, 'newer', older)
    const began = [Date.now()]
    await workshop.apply('newer', options({ revision: 3 }))
    const newer = await failure(workshop, 'newer', 1)
    began.push(Date.now())
    assert.notEqual(newer.revision, older.revision)
    await putOff(workshop, 'newer', newer)
    await workshop.apply('newer', options({ revision: 4 }))
    await workshop.journal.untilEntry('the fixed one ends', ({ what, replicaSet, exitCode }) => {
      const isOld = [older, newer].some(({ revision }) => replicaSet.endsWith(revision))
      return what === 'end' && exitCode === 0 && !isOld && replicaSet !== workshop.journal.entries()[0]?.replicaSet
    })
    began.push(Date.now())
    const took = began.slice(1).map((at, index) => at - (began[index] ?? 0))
    t.diagnostic(`from the change to the end of its run: ${took.join(', ')} ms`)
    await workshop.rolledOut('newer')
    assert.equal(workshop.journal.starts().length, 1 + 2 + 1 + 1)
    workshop.journal.assertInOrder()
  })

  test('L3: one that reaches migrate.io/timeout is ended, counts as failed, says so, and is tried again', async (t) => {
    const { workshop, flags, options } = await open()
    const slow = { does: `! ${isUp('fails-$REVISION')} || sleep 1000`, settings: { timeout: '2s' } }
    await workshop.rollOut('slow', options(slow))
    flags.raise('fails-2')
    await workshop.apply('slow', options({ ...slow, revision: 2 }))
    const isNew = () => workshop.journal.starts().length === 2
    await until('the slow one has started', isNew, { limitMs: LIMIT_MS, intervalMs: 20 })
    const from = Date.now()
    const { exit, revision } = await failure(workshop, 'slow', 1)
    const took = Date.now() - from
    t.diagnostic(`recorded as failed ${took} ms after its start`)
    assert.equal(exit, 124)
    assert.ok(took > 2_000 && took < 2_000 + 10_000, `${took} ms`)
    const isTold = (line: LogLine) => line['namespace'] === workshop.name && line.kind === 'run-failed'
    const line = await until('it is logged', () => stage.controller.logs().find(isTold), { limitMs: LIMIT_MS })
    assert.deepEqual([line['timeout'], line['exitCode'], line['revision']], [true, 124, revision])
    assert.match(line.msg, /^the migration reached migrate\.io\/timeout; next try at /)
    flags.lower('fails-2')
    await workshop.rolledOut('slow')
    assert.equal(workshop.journal.starts().length, 3)
    workshop.journal.assertInOrder()
  })
})
