import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lockConfigMapName } from '../../../src/names.ts'
import { CONTROLLER_RULES, rulesWith } from '../../support/deploy/rules.ts'
import type { ControllerProcess, LogLine } from '../../support/lock/controller-process.ts'
import { makeLeasePlace } from '../../support/lock/lease-place.ts'
import { makeLimitedUser } from '../../support/lock/limited-user.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { ours } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 60_000 // what somebody has mended is seen after 30 s at the latest

const stage = await makeStage('surroundings')
const { cluster } = stage

/** The line by which it says what is wrong. */
function problem(controller: ControllerProcess, { name }: Workshop, reason: string): Promise<LogLine> {
  const found = () => controller.logs().find((line) => line.reason === reason && line['namespace'] === name)
  return until(`it says ${reason}`, found, { limitMs: LIMIT_MS })
}

async function allWait({ site }: Workshop, count: number) {
  return until('all pods wait', () => site.pods('app'), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.length === count && pods.every((pod) => ours(pod)?.state?.running !== undefined),
  })
}

/** Those whose wrapper runs, beside those of the revision before. */
async function newPods({ site }: Workshop, count: number) {
  const waiting = async () => (await site.pods('app')).filter((pod) => ours(pod)?.state?.running !== undefined)
  return until('the new pods wait', waiting, { limitMs: LIMIT_MS, accept: ({ length }) => length === count })
}

describe('a ConfigMap of the name that is not ours', () => {
  test('L8: it is left as it is, nothing runs, and it is said; once it is gone all goes on', async () => {
    const shop = await openWorkshop(stage)
    const metadata = { name: lockConfigMapName('app') }
    await shop.site.place.send('create', { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { theirs: 'yes' } })
    const { body } = await shop.lock('app')
    await shop.apply('app', { replicas: 2 })
    await allWait(shop, 2)
    const line = await problem(stage.controller, shop, 'foreign-configmap')
    assert.deepEqual([line.level, line['object']], ['warn', metadata.name])
    assert.deepEqual((await shop.lock('app')).body, body)
    assert.equal(shop.journal.starts().length, 0)
    await shop.site.place.kubectl(['delete', 'configmap', metadata.name])
    await shop.rolledOut('app')
    shop.journal.assertInOrder()
    assert.equal(shop.journal.starts().length, 1)
  })
})

describe('a grant that somebody else wrote', () => {
  test('L4: before there is a record: it runs, the lock is made as held by it, nobody else runs', async () => {
    const shop = await openWorkshop(stage)
    stage.controller.signal('SIGSTOP')
    await shop.apply('app', { replicas: 3, does: 'sleep 4' })
    const forged = (await allWait(shop, 3))[2]
    assert.ok(forged)
    await shop.site.grant(forged, 'run 7')
    await shop.journal.untilRun(1)
    stage.controller.signal('SIGCONT')
    await assertTakenUp(shop, forged.metadata.name)
  })

  test('L4: beside a record: it runs, which is said, the lock is held for it, nobody else runs', async () => {
    const shop = await openWorkshop(stage)
    await shop.rollOut('app', { replicas: 3 })
    stage.controller.signal('SIGSTOP')
    await shop.apply('app', { replicas: 3, revision: 2, does: 'sleep 4' })
    const forged = (await newPods(shop, 2))[1]
    assert.ok(forged)
    await shop.site.grant(forged, 'run 7')
    await shop.journal.untilRun(2)
    stage.controller.signal('SIGCONT')
    const line = await problem(stage.controller, shop, 'unknown-run')
    assert.deepEqual([line['object'], line['detail']], [forged.metadata.name, 'run 7'])
    await assertTakenUp(shop, forged.metadata.name)
  })

  /** The run of the forged grant is the last so far; after it, the next revision runs as ever. */
  async function assertTakenUp(shop: Workshop, pod: string): Promise<void> {
    await shop.rolledOut('app')
    const starts = shop.journal.starts()
    assert.equal(starts.at(-1)?.pod, pod)
    assert.equal(new Set(starts.map(({ replicaSet }) => replicaSet)).size, starts.length, 'one run each')
    await shop.rollOut('app', { replicas: 3, revision: 3, does: 'sleep 1' })
    shop.journal.assertInOrder()
    assert.equal(shop.journal.starts().length, starts.length + 1)
  }

  for (const [what, text, reason] of [
    ['no grant at all', 'please', 'unreadable-grant'],
    ['the highest number', 'wait 999999999999999', 'numbers-exhausted'],
  ] as const)
    test(`L4: ${what}: that pod is left out, which is said; once it is taken off it goes on`, async () => {
      const shop = await openWorkshop(stage)
      await shop.rollOut('app')
      stage.controller.signal('SIGSTOP')
      await shop.apply('app', { revision: 2 })
      const [pod] = await newPods(shop, 1)
      assert.ok(pod)
      await shop.site.grant(pod, text)
      stage.controller.signal('SIGCONT')
      const line = await problem(stage.controller, shop, reason)
      assert.deepEqual([line.level, line['object']], ['warn', pod.metadata.name])
      assert.equal(shop.journal.starts().length, 1)
      await shop.site.grant(pod, '')
      await shop.rolledOut('app')
      shop.journal.assertInOrder()
      assert.equal(shop.journal.starts().length, 2)
    })
})

describe('a missing permission', () => {
  const left = {
    'pods/status': ['get'],
    configmaps: ['get', 'list', 'create'],
    replicasets: [],
  }
  for (const [resource, verbs] of Object.entries(left))
    test(`L4: on ${resource}: nothing runs, and it is said which; once it is there all goes on`, async () => {
      const shop = await openWorkshop(stage)
      await stage.controller.stop()
      const user = await makeLimitedUser(cluster, `limited-${resource.replace('/', '-')}`)
      await user.allow(rulesWith(resource, verbs))
      const kubeconfig = user.kubeconfig
      const controller = await stage.startController({ kubeconfig, namespace: await makeLeasePlace(cluster) })
      await controller.untilLeading()
      await shop.apply('app', { replicas: 2, does: 'sleep 1' })
      await allWait(shop, 2)
      const line = await problem(controller, shop, 'forbidden')
      assert.equal(line.level, 'warn')
      assert.match(String(line['detail']), new RegExp(resource.replace('/', '.')), 'the permission is named')
      assert.equal(shop.journal.starts().length, 0)
      await user.allow(CONTROLLER_RULES)
      await shop.rolledOut('app')
      shop.journal.assertInOrder()
      assert.equal(shop.journal.starts().length, 1)
      assert.ok(controller.isLeading())
      await controller.stop()
    })
})
