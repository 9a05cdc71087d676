import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster } from '../../support/cluster/cluster.ts'
import { each, memoryInWords, mib } from '../../support/controller/crowd.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { startControllerProcess } from '../../support/lock/controller-process.ts'
import { until } from '../../support/until.ts'

const PODS = 5_000
const PODS_EACH = 10
const CHANGES = 2_000
const LIMIT_MS = 120_000
const LIMIT_MIB = 200

test('P2: a controller that watches 5,000 pods of 500 Deployments stays within 200 MiB', async (t) => {
  await using cluster = await startCluster()
  const path = '/api/v1/namespaces/default/pods'
  await each(PODS, async (nth) => {
    const { status, body } = await cluster.request('POST', path, pod(nth))
    assert.equal(status, 201, JSON.stringify(body))
  })
  const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig })
  t.after(() => controller.stop('SIGKILL'))
  const watched = async () => Number(/^migrate_io_watched_pods (\d+)$/m.exec(await controller.metrics())?.[1])
  await until('it knows all pods', watched, { limitMs: LIMIT_MS, accept: (pods) => pods === PODS })
  await controller.untilLeading()
  const isIdle = async () => /^migrate_io_queued_locks 0$/m.test(await controller.metrics())
  await until('it has looked at all', isIdle, { limitMs: LIMIT_MS })
  t.diagnostic(`listed: ${memoryInWords(controller.pid)}`)

  await each(CHANGES, async (nth) => {
    const change = nth % 2 === 0 ? { status: { phase: 'Running' } } : { metadata: { annotations: { seen: 'yes' } } }
    const { status } = await cluster.request('PATCH', `${path}/${nameOf(nth)}/status`, change, MERGE_PATCH)
    assert.equal(status, 200)
  })
  await until('those that run are gone', watched, {
    limitMs: LIMIT_MS,
    accept: (pods) => pods === PODS - CHANGES / 2,
  })
  await until('it has looked at all', isIdle, { limitMs: LIMIT_MS })
  t.diagnostic(`after ${CHANGES} changes: ${memoryInWords(controller.pid)}`)
  assert.ok(mib(controller.pid, 'VmHWM') < LIMIT_MIB, memoryInWords(controller.pid))
})

function nameOf(nth: number): string {
  return `shop-${Math.floor(nth / PODS_EACH)}-7c9d-${nth}`
}

/** About as large as an injected pod of the article's app: the wrapper in full text is most of it. */
function pod(nth: number): object {
  const deployment = `shop-${Math.floor(nth / PODS_EACH)}`
  const record = { name: `deployment.${deployment}.migrate-io`, optional: true }
  return {
    metadata: {
      name: nameOf(nth),
      labels: { 'migrate.io/protocol': '1', app: deployment, 'pod-template-hash': '7c9d' },
    },
    spec: {
      automountServiceAccountToken: false,
      initContainers: [
        { name: 'migrate-io', image: 'app:1', command: ['/bin/sh', '-c', 'x'.repeat(8_000), '', 'migrate'] },
      ],
      containers: [{ name: 'app', image: 'app:1', env: [{ name: 'DATABASE_URL', value: 'postgres://db/shop' }] }],
      volumes: [{ name: 'migrate-io', projected: { sources: [{ configMap: record }] } }],
    },
  }
}
