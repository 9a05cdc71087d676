import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Holder } from '../../../src/lock/record.ts'
import { FIELD_MANAGER, INIT_CONTAINER, lockConfigMapName, STATE_VOLUME } from '../../../src/names.ts'
import type { Manifest } from '../../support/installation/deployment.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import type { LogLine } from '../../support/lock/controller-process.ts'
import { openFlags, waitsFor } from '../../support/lock/flags.ts'
import type { MigrationOptions } from '../../support/lock/journal.ts'
import { makeLeasePlace } from '../../support/lock/lease-place.ts'
import { holderOf } from '../../support/lock/record-of.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { ours } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('held')
const { cluster } = stage
const [first, second] = [cluster.nodes[0], await cluster.addNode()]
assert.ok(first)

const LIMIT_MS = 180_000
const LOOK_LIMIT_MS = 30_000 // a controller looks at each held lock when it starts to lead
const GRACE_SECONDS = 600 // longer than the test: only the command's own end ends it
const AWAY_KEYS = ['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready']

let { controller } = stage

async function open() {
  const workshop = await openWorkshop(stage)
  const flags = openFlags()
  const kubectl = (...args: string[]) => workshop.site.place.kubectl(args)
  /** Applies a Deployment whose run lasts until the flag `go-NAME` is up, and returns its holder when it runs. */
  const begin = async (name: string, options: MigrationOptions = {}): Promise<Holder> => {
    const change = (manifest: Manifest) => {
      flags.mount(manifest)
      options.change?.(manifest)
    }
    const before = workshop.journal.starts(name).length
    await workshop.apply(name, { graceSeconds: GRACE_SECONDS, ...options, does: waitsFor(`go-${name}`), change })
    const isNext = () => workshop.journal.starts(name).length === before + 1
    await until(`the run of ${name} has started`, isNext, { limitMs: LIMIT_MS })
    const holder = await holderOf(workshop, name)
    assert.ok(holder)
    return holder
  }
  return { workshop, flags, kubectl, begin }
}

/** So many pods of the Deployment wait for their turn, beside the one that runs. */
async function untilOthersWait({ site }: Workshop, deployment: string, { pod: runner }: Holder, count: number) {
  await until(`${count} others of ${deployment} wait`, () => site.pods(deployment), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.filter((pod) => pod.metadata.name !== runner && ours(pod)?.state?.running).length === count,
  })
}

interface Held {
  readonly workshop: Workshop
  readonly deployment: string
  readonly holder: Holder
}

/** A new controller, which knows nothing, looks at each held lock and leaves it to its holder. */
async function assertKept(...all: readonly Held[]): Promise<void> {
  const starts = () => all.map(({ workshop }) => workshop.journal.starts().length)
  const before = starts()
  await controller.stop('SIGKILL')
  controller = await stage.startController({ namespace: await makeLeasePlace(cluster) })
  for (const { workshop, deployment, holder } of all) {
    const isLook = (line: LogLine) =>
      line['namespace'] === workshop.name && line.deployment === deployment && line.reason === 'running'
    await until(`the new controller has looked at ${deployment}`, () => controller.logs().some(isLook), {
      limitMs: LOOK_LIMIT_MS,
    })
    const { pod, uid, number } = (await holderOf(workshop, deployment)) ?? {}
    assert.deepEqual({ pod, uid, number }, { pod: holder.pod, uid: holder.uid, number: holder.number }, deployment)
  }
  assert.deepEqual(starts(), before, 'nothing else was started')
}

test('L6: no clock frees a lock, nor a restart of controller or kubelet', async () => {
  const { workshop, flags, begin } = await open()
  await workshop.rollOut('held', { replicas: 2, graceSeconds: 1 })
  const holder = await begin('held', { replicas: 2, revision: 2 })
  await untilOthersWait(workshop, 'held', holder, 1)

  const aged = { data: { holder: JSON.stringify({ ...holder, since: '2001-01-01T00:00:00.000Z' }) } }
  const path = `/api/v1/namespaces/${workshop.name}/configmaps/${lockConfigMapName('held')}`
  const answer = await cluster.request('PATCH', `${path}?fieldManager=${FIELD_MANAGER}`, aged, MERGE_PATCH)
  assert.equal(answer.status, 200)
  await assertKept({ workshop, deployment: 'held', holder })

  for (const node of cluster.nodes) await node.restart('kubelet')
  await assertKept({ workshop, deployment: 'held', holder })

  flags.raise('go-held')
  await workshop.rolledOut('held')
  assert.equal(workshop.journal.starts().length, 2, 'the run went on all the time and was recorded')
  workshop.journal.assertInOrder()
})

test('L6: a deletion frees no lock while the command lives', async () => {
  const { workshop, flags, kubectl, begin } = await open()
  await workshop.rollOut('deleted', { replicas: 2, graceSeconds: 1 })
  const holder = await begin('deleted', { replicas: 2, revision: 2 })
  await kubectl('delete', 'pod', holder.pod, '--wait=false')
  // With the one that takes its place.
  await untilOthersWait(workshop, 'deleted', holder, 2)
  assert.notEqual((await workshop.podNamed(holder.pod))?.metadata.deletionTimestamp, undefined)
  await assertKept({ workshop, deployment: 'deleted', holder })

  flags.raise('go-deleted')
  await workshop.rolledOut('deleted')
  // Its success may have been seen before the pod went, or not.
  assert.ok([2, 3].includes(workshop.journal.starts().length))
  workshop.journal.assertInOrder()
})

test('L6: a node that is cut off keeps the lock, also when its pods are evicted, until it is back', async (t) => {
  const [staying, evicted] = [await open(), await open()]
  const { kubectl } = staying
  // The runs on the second node, and those that wait for them on the first.
  await kubectl('cordon', first.name)
  const leaveSoon = (manifest: Manifest) => {
    const tolerations = AWAY_KEYS.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 }))
    manifest.spec.template.spec['tolerations'] = tolerations
  }
  const stays = { ...staying, deployment: 'staying', holder: await staying.begin('staying') }
  const leaves = { ...evicted, deployment: 'evicted', holder: await evicted.begin('evicted', { change: leaveSoon }) }
  await kubectl('uncordon', first.name)
  await kubectl('cordon', second.name)
  for (const each of [stays, leaves]) {
    await each.kubectl('scale', `deployment/${each.deployment}`, '--replicas=3')
    await untilOthersWait(each.workshop, each.deployment, each.holder, 2)
  }

  second.disconnect()
  const from = Date.now()
  const deletion = async () => (await leaves.workshop.podNamed(leaves.holder.pod))?.metadata.deletionTimestamp
  await until('the pod on the lost node is evicted', deletion, { limitMs: LIMIT_MS })
  t.diagnostic(`evicted ${Date.now() - from} ms after the cut`)
  const ready = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
  assert.equal((await kubectl('get', 'node', second.name, '-o', ready)).stdout, 'Unknown')
  await untilOthersWait(leaves.workshop, 'evicted', leaves.holder, 3)
  await assertKept(stays, leaves)
  staying.flags.raise('go-staying')
  await stays.workshop.journal.untilEntry('the run ends where nobody sees it', ({ what }) => what === 'end')
  await assertKept(stays, leaves)

  second.reconnect()
  await kubectl('uncordon', second.name)
  await stays.workshop.rolledOut('staying')
  assert.equal(stays.workshop.journal.starts().length, 1, 'its success was seen when the node was back')
  await assertKept(leaves)
  evicted.flags.raise('go-evicted')
  await leaves.workshop.rolledOut('evicted')
  // Its success may have been seen before the pod went, or not.
  assert.ok([1, 2].includes(leaves.workshop.journal.starts().length))
  for (const { workshop } of [stays, leaves]) workshop.journal.assertInOrder()
})

test('W9: its node loses its power, and with it all that the runner noted: its number is not used again', async (t) => {
  const { workshop, flags, begin } = await open()
  const holder = await begin('dark')
  const pod = await workshop.podNamed(holder.pod)
  const node = cluster.nodes.find(({ name }) => name === pod?.spec.nodeName)
  assert.ok(node)
  const lost: string[] = []
  const lose = (folder: string) => {
    for (const entry of readdirSync(folder)) {
      lost.push(entry)
      rmSync(join(folder, entry))
    }
  }
  await node.reboot((lib) => {
    const own = join(lib, 'kubelet/pods', holder.uid)
    lose(join(own, 'volumes/kubernetes.io~empty-dir', STATE_VOLUME))
    lose(join(own, 'containers', INIT_CONTAINER))
  })
  assert.ok(lost.includes(`run-${holder.number}`), `its claim was among ${lost.join(', ')}`)
  assert.equal(lost.filter((name) => name.startsWith('boot-')).length, 1)
  await until('another run has started', () => workshop.journal.starts().length === 2, { limitMs: LIMIT_MS })
  const next = await holderOf(workshop, 'dark')
  t.diagnostic(`run ${holder.number} of ${holder.pod}, then run ${next?.number} of ${next?.pod}`)
  assert.ok((next?.number ?? 0) > holder.number, JSON.stringify(next))
  flags.raise('go-dark')
  await workshop.rolledOut('dark')
  assert.equal(workshop.journal.starts().length, 2)
  workshop.journal.assertInOrder()
})

test('L6: after the reboot of its node the run is over, and the next one gets the lock', async (t) => {
  const { workshop, flags, begin } = await open()
  await workshop.rollOut('rebooted', { replicas: 2, graceSeconds: 1 })
  const holder = await begin('rebooted', { replicas: 2, revision: 2 })
  await untilOthersWait(workshop, 'rebooted', holder, 1)
  const pod = await workshop.podNamed(holder.pod)
  const node = cluster.nodes.find(({ name }) => name === pod?.spec.nodeName)
  assert.ok(node)
  const from = Date.now()
  await node.reboot()
  await until('another run has started', () => workshop.journal.starts().length === 3, { limitMs: LIMIT_MS })
  t.diagnostic(`another run ${Date.now() - from} ms after the reboot began`)
  const next = await holderOf(workshop, 'rebooted')
  assert.ok((next?.number ?? 0) > holder.number, JSON.stringify(next))
  flags.raise('go-rebooted')
  await workshop.rolledOut('rebooted')
  assert.equal(workshop.journal.starts().length, 3)
  workshop.journal.assertInOrder()
})
