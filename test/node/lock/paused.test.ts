import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Manifest } from '../../support/installation/deployment.ts'
import type { ControllerProcess } from '../../support/lock/controller-process.ts'
import { type Call, startHoldingProxy } from '../../support/lock/holding-proxy.ts'
import { makeLeasePlace } from '../../support/lock/lease-place.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const CONFLICT = 409
const LIMIT_MS = 30_000

const stage = await makeStage('paused')
const { cluster } = stage

/** The controllers of each test lead alone, and the first one of them through a proxy. */
await stage.controller.stop()

describe('a controller is stopped between acquire and grant, and goes on later', () => {
  test('L4: the next leader grants what it had taken; the first, once continued, does nothing', async () => {
    await using proxy = await startHoldingProxy(cluster)
    const { journal, ...shop } = await openWorkshop(stage)
    const namespace = await makeLeasePlace(cluster)
    const first = await startLeading(namespace, proxy.kubeconfig)
    const acquire = proxy.holdAnswer(isAcquire)
    await shop.apply('app', { replicas: 3, does: 'sleep 2' })
    assert.equal((await acquire.untilHeld()).status, 200)
    first.signal('SIGSTOP')
    assert.equal(await acquire.release(), 200)
    const second = await startLeading(namespace)
    await shop.rolledOut('app')
    first.signal('SIGCONT')
    await until('it leads no more', () => !first.isLeading(), { limitMs: LIMIT_MS })
    await shop.rollOut('app', { replicas: 3, revision: 2, does: 'sleep 2' })
    journal.assertInOrder()
    assert.equal(journal.starts().length, 2)
    assert.deepEqual([grants(first).length, grants(second).length], [0, 2])
    await Promise.all([first.stop(), second.stop()])
  })

  test('L4: the revision changed meanwhile: the number is given up, and its grant, which comes late, is refused', async () => {
    await using proxy = await startHoldingProxy(cluster)
    const { journal, ...shop } = await openWorkshop(stage)
    const first = await startLeading(await makeLeasePlace(cluster), proxy.kubeconfig)
    const grant = proxy.holdCall(isGrant)
    // The old revision's pods stay until the new one is there, so that the grant still finds its pod.
    const options = { replicas: 2, does: 'sleep 5', settings: { strategy: 'keep' }, change: oneAfterTheOther }
    await shop.apply('app', options)
    const { call } = await grant.untilHeld()
    first.signal('SIGSTOP')
    await shop.apply('app', { ...options, revision: 2 })
    await shop.site.place.replicaSets('app')
    const second = await startLeading(await makeLeasePlace(cluster))
    const run = await journal.untilRun(1)
    assert.equal(await grant.release(), CONFLICT, call.path)
    first.signal('SIGCONT')
    await shop.rolledOut('app')
    await Promise.all([first.stop(), second.stop()])
    journal.assertInOrder()
    assert.deepEqual(
      journal.starts().map(({ pod }) => pod),
      [run.pod],
    )
    assert.ok(!call.path.includes(run.pod), 'the run is not of the pod that was to be granted')
    const givenUp = second.logs().filter(({ kind }) => kind === 'given-up')
    assert.equal(givenUp.length, 1)
  })

  async function startLeading(namespace: string, kubeconfig = cluster.kubeconfig): Promise<ControllerProcess> {
    const controller = await stage.startController({ namespace, kubeconfig })
    await controller.untilLeading()
    return controller
  }
})

function isAcquire({ method, path, body }: Call): boolean {
  if (method !== 'PUT' || !path.includes('/configmaps/')) return false
  const { data } = JSON.parse(body) as { data?: Record<string, string> }
  return data?.['holder']?.startsWith('{') ?? false
}

function isGrant({ method, body }: Call): boolean {
  return method === 'PATCH' && /"migrate\.io\/grant":"run \d/.test(body)
}

function grants(controller: ControllerProcess) {
  return controller.logs().filter(({ kind }) => kind === 'run-started')
}

function oneAfterTheOther({ spec }: Manifest): void {
  spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
}
