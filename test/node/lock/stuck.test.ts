import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Manifest } from '../../support/installation/deployment.ts'
import { app } from '../../support/installation/deployment.ts'
import { openFlaggedWorkshop } from '../../support/lock/flagged.ts'
import { isUp, waitsFor } from '../../support/lock/flags.ts'
import { holderOf } from '../../support/lock/record-of.ts'
import { sharedStage } from '../../support/lock/stage.ts'
import type { Workshop } from '../../support/lock/workshop.ts'
import { isReady } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await sharedStage('stuck')

const LIMIT_MS = 60_000

const open = () => openFlaggedWorkshop(stage)

/** Runs that ended well, of whichever revision. */
function successes({ journal }: Workshop): number {
  return journal.entries().filter(({ what, exitCode }) => what === 'end' && exitCode === 0).length
}

/** Returns once some pod of the Deployment is as it should be. */
async function untilPod(workshop: Workshop, deployment: string, describe: string, accept: (text: string) => boolean) {
  await until(`a pod of ${deployment} ${describe}`, () => workshop.site.pods(deployment), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.some((pod) => accept(JSON.stringify(pod.status))),
  })
}

/** As a user would see it: the controller has looked at the pods as they are, and nobody has the lock. */
async function assertFree(workshop: Workshop, deployment: string) {
  assert.equal(await holderOf(workshop, deployment), undefined)
}

function missingImage(manifest: Manifest) {
  app(manifest).image = 'migrate.io/not-there:test'
}

function endlessFirst(manifest: Manifest) {
  const { image, imagePullPolicy = 'Never' } = app(manifest)
  const endless = { name: 'endless', image, imagePullPolicy, command: ['sh', '-c', 'sleep infinity'] }
  manifest.spec.template.spec.initContainers = [endless]
}

describe('Deployments that do not move', { concurrency: true }, () => {
  test('L9: paused from the start, and paused in mid-rollout: no run until it is resumed, and then one', async () => {
    const { workshop, flags, options, kubectl } = await open()
    const pausedFromTheStart = (manifest: Manifest) => Object.assign(manifest.spec, { paused: true })
    await workshop.apply('paused', options({ change: pausedFromTheStart }))
    await workshop.site.place.replicaSets('paused') // the Deployment controller has seen it
    assert.deepEqual(await workshop.site.pods('paused'), [])
    await kubectl('rollout', 'resume', 'deployment/paused')
    await workshop.rolledOut('paused')
    assert.equal(workshop.journal.starts().length, 1)

    // A newer template while it is paused is nobody's revision yet, and what is scaled up is the recorded one.
    await kubectl('rollout', 'pause', 'deployment/paused')
    await kubectl('set', 'env', 'deployment/paused', 'REVISION=2')
    await kubectl('scale', 'deployment/paused', '--replicas=3')
    await until('the new pod is ready', async () => (await workshop.site.pods('paused')).filter(isReady).length, {
      limitMs: LIMIT_MS,
      accept: (ready) => ready === 3,
    })
    assert.equal(workshop.journal.starts().length, 1)
    await assertFree(workshop, 'paused')
    await kubectl('rollout', 'resume', 'deployment/paused')
    await workshop.rolledOut('paused')
    assert.equal(workshop.journal.starts().length, 2)

    // Paused while a run is under way: that ends and is recorded, also with a newer template waiting.
    await workshop.apply('paused', options({ revision: 3, does: waitsFor('go') }))
    await workshop.journal.untilEntry('the third has started', () => workshop.journal.starts().length === 3)
    await kubectl('rollout', 'pause', 'deployment/paused')
    await kubectl('set', 'env', 'deployment/paused', 'REVISION=4')
    flags.raise('go')
    assert.equal((await workshop.untilCompleted('paused', 3)).length, 3)
    await assertFree(workshop, 'paused')
    assert.equal(workshop.journal.starts().length, 3)
    await kubectl('rollout', 'resume', 'deployment/paused')
    await workshop.rolledOut('paused')
    assert.equal(workshop.journal.starts().length, 4)
    workshop.journal.assertInOrder()
  })

  test('L9: created with 0 replicas, it runs when it is scaled up; scaled to 0 and back, it does not', async () => {
    const { workshop, options, kubectl } = await open()
    await workshop.rollOut('zero', options({ replicas: 0 }))
    assert.deepEqual(workshop.journal.entries(), [])
    await kubectl('scale', 'deployment/zero', '--replicas=2')
    await workshop.rolledOut('zero')
    assert.equal(workshop.journal.starts().length, 1)
    await kubectl('scale', 'deployment/zero', '--replicas=0')
    await until('all pods are gone', async () => (await workshop.site.pods('zero')).length, {
      limitMs: LIMIT_MS,
      accept: (pods) => pods === 0,
    })
    // A new revision without pods waits for them.
    await workshop.rollOut('zero', options({ replicas: 0, revision: 2 }))
    await assertFree(workshop, 'zero')
    assert.equal(workshop.journal.starts().length, 1)
    for (const _ of ['the new revision', 'again']) {
      await kubectl('scale', 'deployment/zero', '--replicas=2')
      await workshop.rolledOut('zero')
      assert.equal(workshop.journal.starts().length, 2)
      await kubectl('scale', 'deployment/zero', '--replicas=0')
    }
    workshop.journal.assertInOrder()
  })

  test('L9: scaled in mid-rollout, up and down and while the run is under way: it ends with one success', async () => {
    const { workshop, flags, options, kubectl } = await open()
    await workshop.rollOut('scaled', options({}))
    await workshop.apply('scaled', options({ revision: 2, does: waitsFor('go') }))
    const scale = (replicas: number) => kubectl('scale', 'deployment/scaled', `--replicas=${replicas}`)
    for (const replicas of [4, 1, 3]) await scale(replicas)
    await workshop.journal.untilEntry('a run is under way', () => workshop.journal.starts().length === 2)
    for (const replicas of [5, 2, 4]) await scale(replicas)
    flags.raise('go')
    await scale(3)
    await workshop.rolledOut('scaled')
    // Scaling down may have ended a pod during its run, which then ran again.
    assert.equal(successes(workshop), 2)
    assert.equal((await workshop.untilCompleted('scaled', 2)).length, 2)
    await assertFree(workshop, 'scaled')
    workshop.journal.assertInOrder()
  })

  test('L9: an image that is not there holds no lock, and a template with one that is runs at once', async () => {
    const { workshop, options } = await open()
    const broken = options({ change: missingImage })
    await workshop.apply('image', broken)
    await untilPod(workshop, 'image', 'lacks its image', (status) => status.includes('ErrImageNeverPull'))
    await assertFree(workshop, 'image')
    await workshop.rollOut('image', options({}))
    assert.equal(workshop.journal.starts().length, 1)

    const pulls = options({
      revision: 2,
      change(manifest) {
        missingImage(manifest)
        app(manifest).imagePullPolicy = 'Always'
      },
    })
    await workshop.apply('image', pulls)
    await untilPod(workshop, 'image', 'can not pull', (status) => /ImagePullBackOff|ErrImagePull/.test(status))
    await assertFree(workshop, 'image')
    await workshop.rollOut('image', options({ revision: 3 }))
    assert.equal(workshop.journal.starts().length, 2)
    workshop.journal.assertInOrder()
  })

  test('L9: an earlier init container that never ends holds no lock; a fixed template runs, and an undo needs no run', async () => {
    const { workshop, flags, options, kubectl } = await open()
    await workshop.rollOut('earlier', options({}))
    for (const revision of [2, 3]) {
      await workshop.apply('earlier', options({ revision, change: endlessFirst }))
      await untilPod(workshop, 'earlier', 'is at its first init container', (status) =>
        /"endless".*"running"/.test(status),
      )
      await assertFree(workshop, 'earlier')
      if (revision === 2) await workshop.rollOut('earlier', options({ revision: 'fixed' }))
      else await kubectl('rollout', 'undo', 'deployment/earlier')
      await workshop.rolledOut('earlier')
      assert.equal(workshop.journal.starts().length, 2, 'of the first revision and the fixed one')
    }
    // One that ends late: its pods wait in turn as any other's.
    const late = (manifest: Manifest) => {
      endlessFirst(manifest)
      const [first] = manifest.spec.template.spec.initContainers ?? []
      Object.assign(first ?? {}, { command: ['sh', '-c', waitsFor('late')], volumeMounts: app(manifest).volumeMounts })
    }
    await workshop.apply('earlier', options({ revision: 'late', change: late, does: isUp('late') }))
    await untilPod(workshop, 'earlier', 'is at its first init container', (status) =>
      /"endless".*"running"/.test(status),
    )
    flags.raise('late')
    await workshop.rolledOut('earlier')
    assert.equal(workshop.journal.starts().length, 3)
    workshop.journal.assertInOrder()
  })
})
