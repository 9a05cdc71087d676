import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import type { Place } from '../../support/installation/place.ts'
import type { MigrationOptions } from '../../support/lock/journal.ts'
import { makeStage, openShop } from '../../support/lock/stage.ts'
import { openWorkshop } from '../../support/lock/workshop.ts'
import { appStarts, deployFlask, earlyStarts, runs } from '../../support/node/flask.ts'
import { timed } from '../../support/node/rollout.ts'
import { endOf, isReady, type Site } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('kept')
const { cluster } = stage
const second = await cluster.addNode()

const LIMIT_MS = 120_000
/** What a recorded revision may hold up a pod, in the whole seconds of kubelet: below 1 s, times three. */
const HELD_UP_SECONDS = 3

let controller: typeof stage.controller | undefined = stage.controller

/** The tests come one after the other, so that one may do without any controller. */
const SITUATIONS = {
  'beside the controller': async () => {
    controller ??= await stage.startController()
    await controller.untilLeading()
  },
  'without a controller': async () => {
    await controller?.stop()
    controller = undefined
  },
}

/** Returns when exactly so many pods are there, ready; with them. */
async function settled(site: Site, deployment: string, replicas: number): Promise<Pod[]> {
  await timed(site.place, deployment, async () => {})
  return until(`${deployment} has ${replicas} pods`, () => site.pods(deployment), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.length === replicas && pods.every(isReady),
  })
}

/** Our container let them go at once, each for itself. */
function assertAtOnce(what: string, pods: readonly Pod[]): void {
  assert.ok(pods.length > 0, what)
  for (const pod of pods) {
    const { startedAt = '', finishedAt = '' } = (endOf(pod) ?? {}) as { startedAt?: string; finishedAt?: string }
    const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000
    assert.ok(seconds <= HELD_UP_SECONDS, `${what}: ${pod.metadata.name} was held up for ${seconds} s`)
    assert.equal(endOf(pod)?.message, undefined, `${what}: no run in ${pod.metadata.name}`)
  }
}

/** Those that were not there before. */
function added(pods: readonly Pod[], before: readonly Pod[]): Pod[] {
  const known = new Set(before.map(({ metadata }) => metadata.uid))
  return pods.filter(({ metadata }) => !known.has(metadata.uid))
}

/** All that brings new pods of a recorded revision, on a Deployment of two pods with an earlier revision on record. */
async function bringPods(site: Site, deployment: string): Promise<void> {
  const { kubectl } = site.place
  let pods = await settled(site, deployment, 2)
  const change = async (what: string, replicas: number, count: number, call: () => Promise<unknown>) => {
    const before = pods
    await call()
    const gone = (all: readonly Pod[]) => added(all, before).length === count
    await until(`${what} has brought ${count} pods`, async () => gone(await site.pods(deployment)), {
      limitMs: LIMIT_MS,
    })
    pods = await settled(site, deployment, replicas)
    assertAtOnce(what, added(pods, before))
  }
  await change('scale-up', 4, 2, () => kubectl(['scale', `deployment/${deployment}`, '--replicas=4']))
  await change('a deleted pod', 4, 1, () => kubectl(['delete', 'pod', pods[0]?.metadata.name ?? '']))
  const drained = pods.filter(({ spec }) => spec.nodeName === second.name)
  await change('a drained node', 4, drained.length, () => drain(site.place, deployment))
  await kubectl(['uncordon', second.name])
  await change('undo', 4, 4, () => kubectl(['rollout', 'undo', `deployment/${deployment}`]))
  await change('undo of the undo', 4, 4, () => kubectl(['rollout', 'undo', `deployment/${deployment}`]))
}

/** The Deployment's pods only: others lose their data with their pod. */
async function drain({ kubectl }: Place, deployment: string): Promise<void> {
  const options = [`--pod-selector=app=${deployment}`, '--delete-emptydir-data', '--ignore-daemonsets', '--timeout=60s']
  await kubectl(['drain', second.name, ...options])
}

for (const [situation, arrange] of Object.entries(SITUATIONS)) {
  const title = `scale-up, deleted pods, a drained node, undo: no run, pods start at once, ${situation}`

  test(`L2: ${title}`, async () => {
    const workshop = await openWorkshop(stage)
    const options: MigrationOptions = { replicas: 2, graceSeconds: 1 }
    await withController(async () => {
      await workshop.rollOut('kept', { ...options, revision: 1 })
      await workshop.rollOut('kept', { ...options, revision: 2 })
    })
    await arrange()
    assert.equal(workshop.journal.starts().length, 2)
    await bringPods(workshop.site, 'kept')
    assert.equal(workshop.journal.starts().length, 2)
    workshop.journal.assertInOrder()
  })

  test(`L2: Flask with PostgreSQL: ${title}`, async () => {
    const shop = await openShop(stage)
    await withController(async () => {
      for (const version of ['1', '2'] as const)
        await timed(shop.site.place, 'flask', () => deployFlask(cluster, shop.name, { replicas: 2, version }))
    })
    await arrange()
    const before = await runs(shop.database)
    assert.equal(before.length, 2)
    await bringPods(shop.site, 'flask')
    assert.deepEqual(await runs(shop.database), before)
    assert.deepEqual(await earlyStarts(shop.database), [])
    assert.ok((await appStarts(shop.database)).length >= 2 + 2 + 2 + 1 + 4 + 4)
  })
}

async function withController(work: () => Promise<void>): Promise<void> {
  await SITUATIONS['beside the controller']()
  await work()
}
