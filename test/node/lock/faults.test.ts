import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { ControllerProcess } from '../../support/lock/controller-process.ts'
import { makeLeasePlace } from '../../support/lock/lease-place.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop } from '../../support/lock/workshop.ts'
import { killOurs } from '../../support/node/container-process.ts'
import { Choices } from '../../support/simulation/random.ts'

const stage = await makeStage('faults')
const { cluster } = stage

describe('runners that die', () => {
  test('L4: the runner is deleted and ends in its grace period: its success counts, nobody runs again', async () => {
    const { site, journal, ...shop } = await openWorkshop(stage)
    await shop.apply('app', { replicas: 3, does: 'sleep 4' })
    const { pod } = await journal.untilRun(1)
    await site.place.kubectl(['delete', 'pod', pod, '--wait=false'])
    await shop.rolledOut('app')
    journal.assertInOrder()
    assert.equal(journal.starts().length, 1)
  })

  test('L4: the runner is deleted and killed after its grace period: another pod runs', async () => {
    const { site, journal, ...shop } = await openWorkshop(stage)
    await shop.apply('app', { replicas: 3, does: 'sleep 6', graceSeconds: 1 })
    const { pod } = await journal.untilRun(1)
    await site.place.kubectl(['delete', 'pod', pod, '--wait=false'])
    await shop.rolledOut('app')
    journal.assertInOrder()
    const [first, second, ...more] = journal.starts()
    assert.deepEqual([first?.pod, second?.pod !== pod, more], [pod, true, []])
  })

  test("L4: the runner's container is killed with -9: a failure, and it runs again after its backoff", async () => {
    const { journal, ...shop } = await openWorkshop(stage)
    await shop.apply('app', { replicas: 2, does: 'sleep 3' })
    const { pod: name } = await journal.untilRun(1)
    const pod = await shop.podNamed(name)
    assert.ok(pod)
    killOurs(pod)
    await shop.rolledOut('app')
    journal.assertInOrder()
    assert.equal(journal.starts().length, 2)
    const failures = stage.controller
      .logs()
      .filter(({ kind, namespace }) => kind === 'run-failed' && namespace === shop.name)
    assert.deepEqual(
      failures.map(({ pod: failed, exitCode }) => [failed, exitCode]),
      [[name, 137]],
    )
  })
})

describe('controllers that die', () => {
  test('L4: killed with -9 at any time, again and again: each revision runs once, never two at a time', async (t) => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
    t.diagnostic(`SEED=${seed}`)
    const choices = new Choices(seed)
    const { journal, ...shop } = await openWorkshop(stage)
    await stage.controller.stop()
    let kills = 0
    for (let revision = 1; revision <= 4; revision++) {
      await shop.apply('app', { replicas: 3, revision, does: 'sleep 1' })
      for (let life = 0; life < 3; life++) {
        const controller = await leading()
        // A moment, not a wait: what is to be killed in the midst of its work is nothing that could be waited for.
        await pause(choices.below(2_000))
        await controller.stop('SIGKILL')
        kills++
      }
      const last = await leading()
      await shop.rolledOut('app')
      await last.stop('SIGKILL')
      journal.assertInOrder()
      assert.equal(journal.starts().length, revision, `once for each of ${revision} revisions, after ${kills} kills`)
    }
  })

  test('L4: two of them lead: each revision runs once, never two at a time', async () => {
    const { journal, ...shop } = await openWorkshop(stage)
    await stage.controller.stop()
    const both = [await leading(), await leading()]
    for (let revision = 1; revision <= 4; revision++) {
      await shop.rollOut('app', { replicas: 3, revision, does: 'sleep 1' })
      journal.assertInOrder()
      assert.equal(journal.starts().length, revision)
    }
    for (const each of both) assert.ok(each.isLeading())
    const grants = both.flatMap((each) => each.logs().filter(({ kind }) => kind === 'run-started'))
    assert.equal(grants.length, 4, "each grant is one controller's alone")
    await Promise.all(both.map((each) => each.stop()))
  })

  async function leading(): Promise<ControllerProcess> {
    const controller = await stage.startController({ namespace: await makeLeasePlace(cluster) })
    await controller.untilLeading()
    return controller
  }
})
