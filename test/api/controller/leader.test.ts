import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Lease } from '../../../src/kube/objects.ts'
import { LEADER_LEASE } from '../../../src/names.ts'
import { startCluster } from '../../support/cluster/cluster.ts'
import {
  type ControllerProcess,
  type ControllerProcessOptions,
  startControllerProcess,
} from '../../support/lock/controller-process.ts'
import { makeLeasePlace } from '../../support/lock/lease-place.ts'
import { until } from '../../support/until.ts'

// Three times the figures of O3 and O4.
const RELEASED_LIMIT_MS = 3 * 3_000
const KILLED_LIMIT_MS = 3 * 20_000
const BACK_LIMIT_MS = 3 * 5_000
const LIMIT_MS = 30_000

/** What is looked at here takes no node, and stops the API server. */
const cluster = await startCluster()
const controllers: ControllerProcess[] = []
after(async () => {
  await Promise.all(controllers.map((each) => each.stop('SIGKILL')))
  await cluster.stop()
})

async function start(options: Omit<ControllerProcessOptions, 'kubeconfig'>): Promise<ControllerProcess> {
  const started = await startControllerProcess({ kubeconfig: cluster.kubeconfig, ...options })
  controllers.push(started)
  return started
}

/** One that leads, and one that knows it. */
async function pair() {
  const namespace = await makeLeasePlace(cluster)
  const first = await start({ namespace })
  await first.untilLeading()
  const second = await start({ namespace })
  await until('the second knows the first', () => said(second, 'another controller is leading'), { limitMs: LIMIT_MS })
  assert.equal(second.isLeading(), false)
  return { namespace, first, second }
}

const said = (controller: ControllerProcess, text: string) => controller.logs().find(({ msg }) => msg.includes(text))
const leads = (controller: ControllerProcess, limitMs: number) =>
  until('it leads', () => controller.isLeading(), { limitMs, intervalMs: 20 })

describe('who leads', () => {
  test('O3: SIGTERM lets the Lease go at once: the next one leads within 3 s', async (t) => {
    const { namespace, first, second } = await pair()
    const atMs = performance.now()
    await Promise.all([first.stop('SIGTERM'), leads(second, RELEASED_LIMIT_MS)])
    t.diagnostic(`taken over after ${Math.round(performance.now() - atMs)} ms`)
    assert.equal(first.isLeading(), false)
    assert.ok(said(first, 'releasing the Lease'))
    assert.match(await second.metrics(), /^migrate_io_leader 1$/m)
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${LEADER_LEASE}`
    const { spec } = (await cluster.get<Lease>(path)).body
    assert.deepEqual([spec?.leaseTransitions, spec?.leaseDurationSeconds], [1, 15])
    await second.stop()
  })

  test('O3: after kill -9 the next one leads within 20 s', async (t) => {
    const { first, second } = await pair()
    const atMs = performance.now()
    await first.stop('SIGKILL')
    await leads(second, KILLED_LIMIT_MS)
    t.diagnostic(`taken over after ${Math.round(performance.now() - atMs)} ms`)
    await second.stop()
  })

  test('L4: one that is stopped and continued later sees at once that it leads no more', async () => {
    const { first, second } = await pair()
    first.signal('SIGSTOP')
    await leads(second, KILLED_LIMIT_MS)
    first.signal('SIGCONT')
    await until('it gives up', () => !first.isLeading(), { limitMs: BACK_LIMIT_MS, intervalMs: 20 })
    await until('it knows the second', () => said(first, 'another controller is leading'), { limitMs: LIMIT_MS })
    assert.equal(second.isLeading(), true)
    await Promise.all([first.stop(), second.stop()])
  })
})

describe('what it answers', () => {
  test('O5: ready only when its view is synced, alive before that', async (t) => {
    t.after(() => cluster.start('kube-apiserver'))
    const namespace = await makeLeasePlace(cluster)
    await cluster.stop('kube-apiserver')
    const controller = await start({ namespace, unready: true })
    await until('it has met the failure', () => said(controller, 'the watch of pods continues'), { limitMs: LIMIT_MS })
    assert.deepEqual([await controller.probe('/healthz'), await controller.probe('/readyz')], [200, 503])
    await cluster.start('kube-apiserver')
    await until('it is ready', () => controller.probe('/readyz'), {
      limitMs: BACK_LIMIT_MS,
      accept: (status) => status === 200,
    })
    assert.equal(await controller.probe('/healthz'), 200)
    await controller.untilLeading()
    await controller.stop()
  })

  test('O5: it stays alive and ready while the API server is away, since a restart would mend nothing', async (t) => {
    t.after(() => cluster.start('kube-apiserver'))
    const controller = await start({ namespace: await makeLeasePlace(cluster) })
    await controller.untilLeading()
    await cluster.stop('kube-apiserver')
    await until('it has met the failure', () => said(controller, 'the watch of pods continues'), { limitMs: LIMIT_MS })
    assert.deepEqual([await controller.probe('/healthz'), await controller.probe('/readyz')], [200, 200])
    await cluster.start('kube-apiserver')
    await controller.untilLeading()
    await controller.stop()
  })
})
