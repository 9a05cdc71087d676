import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GRANT_ANNOTATION, NUDGE_ANNOTATION, REVISION_LABEL } from '../../../src/names.ts'
import { openAudit, type Write } from '../../support/lock/audit.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { isReady } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const audit = openAudit()
const stage = await makeStage('writes', audit.options)

/** Acquire, grant, taking the autoscalers' marks off, complete. */
const PER_REVISION = 4
/** For a Deployment's first revision: lock and record are created blank, and then settled. */
const ONCE = 2
const REPLICAS = 3
const LIMIT_MS = 60_000

/** The run takes longer than kubelet needs to start the other pods, so that these really wait. */
const SLOW = { replicas: REPLICAS, does: 'sleep 3', graceSeconds: 1 }

function told({ verb, resource, name, status, body }: Write): string {
  const annotations = body.metadata?.annotations ?? {}
  const what =
    annotations[GRANT_ANNOTATION] ??
    (NUDGE_ANNOTATION in annotations ? 'nudge' : undefined) ??
    (body.data ? 'data' : 'marks')
  return `${verb} ${resource} ${name} ${what}: ${status}`
}

/** What was carried out and what was refused since the last call. */
function counting({ name }: Workshop) {
  let before = 0
  return () => {
    const all = audit.writes(name)
    const added = all.slice(before)
    before = all.length
    return {
      done: added.filter(({ status }) => status < 300).map(told),
      refused: added.filter(({ status }) => status >= 300),
    }
  }
}

/** So many pods are ready, none is left of what was before, and their revision is recorded. */
async function untilSettled(workshop: Workshop, deployment: string, replicas: number) {
  await workshop.rolledOut(deployment)
  await until('all pods are ready', () => workshop.site.pods(deployment), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.length === replicas && pods.every(isReady),
  })
  // The app may be there before the controller has seen the end of its migration.
  const [pod] = await workshop.site.pods(deployment)
  const revision = pod?.metadata.labels?.[REVISION_LABEL] ?? ''
  await until('its revision is recorded', () => workshop.completed(deployment), {
    limitMs: LIMIT_MS,
    accept: (completed) => completed.includes(revision),
  })
}

test('L14: a run of more than 5 s costs one write more, once', async () => {
  const workshop = await openWorkshop(stage)
  const added = counting(workshop)
  await workshop.apply('long', { does: 'sleep 9' })
  await untilSettled(workshop, 'long', 1)
  const { done } = added()
  assert.equal(done.filter((each) => each.includes(' nudge:')).length, 1, done.join('; '))
  assert.equal(done.length, ONCE + PER_REVISION + 1, done.join('; '))
  assert.equal(workshop.journal.starts().length, 1)
  workshop.journal.assertInOrder()
})

test('a migrated revision costs at most four writes and one for each waiting pod', async (t) => {
  const workshop = await openWorkshop(stage)
  const added = counting(workshop)
  const changes = {
    creation: () => workshop.apply('costs', SLOW),
    'another revision': () => workshop.apply('costs', { ...SLOW, revision: 2 }),
    'a restart': () => workshop.site.place.kubectl(['rollout', 'restart', 'deployment/costs']),
  }
  for (const [what, change] of Object.entries(changes)) {
    await change()
    await untilSettled(workshop, 'costs', REPLICAS)
    const { done, refused } = added()
    const text = `${what}: ${done.length}: ${done.join('; ')}`
    t.diagnostic(`${text}; refused: ${refused.map(told).join('; ') || 'none'}`)
    // A write to a pod that the watch shows late meets a conflict: refused for that and for nothing else.
    assert.deepEqual(
      refused.filter(({ status }) => status !== 409),
      [],
    )
    const skipped = done.filter((each) => each.includes(' skip:'))
    assert.ok(skipped.length <= REPLICAS - 1, text)
    assert.equal(new Set(skipped).size, skipped.length, `each pod once: ${text}`)
    // Of a pod that takes longer than 5 s, as on a busy machine.
    const nudged = done.filter((each) => each.includes(' nudge:'))
    assert.equal(new Set(nudged).size, nudged.length, `each pod once: ${text}`)
    // A pod that has started by the time at which its lock is settled is told to wait, see docs/adr/0004.
    const waits = done.filter((each) => / wait \d+:/.test(each))
    assert.ok(what === 'creation' || waits.length === 0, text)
    assert.equal(
      done.length - skipped.length - nudged.length - waits.length,
      what === 'creation' ? ONCE + PER_REVISION : PER_REVISION,
      text,
    )
  }
})

test('L2: what is recorded already costs no write at all', async () => {
  const workshop = await openWorkshop(stage)
  const { kubectl } = workshop.site.place
  const added = counting(workshop)
  await workshop.rollOut('free', { ...SLOW, does: 'true' })
  await workshop.rollOut('free', { ...SLOW, does: 'true', revision: 2 })
  await untilSettled(workshop, 'free', REPLICAS)
  added()
  const [pod] = await workshop.site.pods('free')
  const changes = {
    'scale-up': () => kubectl(['scale', 'deployment/free', `--replicas=${REPLICAS + 2}`]),
    'a deleted pod': () => kubectl(['delete', 'pod', pod?.metadata.name ?? '']),
    undo: () => kubectl(['rollout', 'undo', 'deployment/free']),
    'scale-down': () => kubectl(['scale', 'deployment/free', '--replicas=1']),
  }
  for (const [what, change] of Object.entries(changes)) {
    await change()
    await untilSettled(workshop, 'free', what === 'scale-down' ? 1 : REPLICAS + 2)
    assert.deepEqual(added(), { done: [], refused: [] }, what)
  }
  assert.equal(workshop.journal.starts().length, 2)
})
