import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { startMigrateIo } from '../../support/cli/run-cli.ts'
import { DEFAULT_STRATEGY } from '../../support/installation/deployment.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { isReady } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('uninject')
const { cluster } = stage
const LIMIT_MS = 60_000

const uninject = (shop: Workshop, ...args: string[]) =>
  startMigrateIo(['uninject', '-n', shop.name, ...args], { env: { KUBECONFIG: cluster.kubeconfig, NO_COLOR: '1' } })

const hasOurs = ({ metadata }: { metadata: { labels?: Record<string, string> } }) =>
  'migrate.io/protocol' in (metadata.labels ?? {})
/** Kubelet, or the node's loss, has ended it for good. */
const isOver = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'

/** Looks on until told to stop: how often the record was away while a pod that needs it was there. */
function watchOver(shop: Workshop, deployment: string): { stop(): Promise<number> } {
  let isEnough = false
  let tooEarly = 0
  const watching = (async () => {
    while (!isEnough) {
      // In this order: a pod that is there after the record had gone.
      const { status } = await shop.lock(deployment)
      const pods = await shop.site.pods(deployment)
      if (status === 404 && pods.some((pod) => hasOurs(pod) && !isOver(pod))) tooEarly++
    }
    return tooEarly
  })()
  return {
    stop: () => {
      isEnough = true
      return watching
    },
  }
}

async function assertLeft(shop: Workshop, replicas: number): Promise<void> {
  const { metadata, spec } = await shop.site.place.deployment('app')
  assert.deepEqual(
    Object.keys(metadata.annotations ?? {}).filter((key) => key.includes('migrate.io')),
    [],
  )
  assert.ok(!hasOurs(spec.template))
  assert.deepEqual(spec.strategy, DEFAULT_STRATEGY)
  // An old pod that is over may be listed for a moment longer than its Deployment counts it.
  const pods = await until(`${replicas} pods are left`, () => shop.site.pods('app'), {
    limitMs: LIMIT_MS,
    accept: ({ length }) => length === replicas,
  })
  for (const pod of pods) {
    assert.ok(isReady(pod))
    assert.deepEqual(pod.spec.initContainers ?? [], [])
    assert.ok(!hasOurs(pod))
  }
  const { stdout } = await shop.site.place.kubectl(['get', 'configmaps', '-o', 'name'])
  assert.ok(!stdout.includes('migrate-io'), stdout)
}

describe('uninject', () => {
  test('A6: rolls out without ours, runs nothing again, and leaves nothing of ours behind', async () => {
    const shop = await openWorkshop(stage)
    await shop.rollOut('app', { replicas: 2, settings: { lock: 'orders' } })
    assert.equal((await shop.untilCompleted('app', 1)).length, 1)
    const watch = watchOver(shop, 'app')
    const { code, stdout, stderr } = await uninject(shop, '--yes', '--timeout', '3m')
    assert.equal(await watch.stop(), 0, 'the record stays until the last pod has gone')
    assert.equal(code, 0, stderr)
    assert.equal(stdout, `${shop.name}/app: un-injected and rolled out\n`)
    assert.match(stderr, /2 lock ConfigMaps deleted/)
    assert.equal(shop.journal.starts().length, 1)
    await assertLeft(shop, 2)
    const check = await uninject(shop, '--check')
    assert.deepEqual([check.code, check.stdout], [0, ''])
  })

  test('A6: a migration that runs is told of, and ended', async () => {
    const shop = await openWorkshop(stage)
    await shop.apply('app', { does: 'sleep 600', replicas: 2, graceSeconds: 5 })
    const { pod } = await shop.journal.untilRun(1)
    const running = new RegExp(`revision 1 +2 replicas +a migration runs in pod ${pod} since `)
    const dry = await until('its status says so', () => uninject(shop, '--dry-run'), {
      limitMs: LIMIT_MS,
      accept: ({ stdout }) => running.test(stdout),
    })
    assert.match(dry.stderr, /warning: \S+\/app: its migration is running: un-injecting terminates it/)
    const watch = watchOver(shop, 'app')
    const { code, stderr } = await uninject(shop, '--yes', '--timeout', '3m')
    assert.equal(await watch.stop(), 0, 'the record stays until the runner has gone')
    assert.equal(code, 0, stderr)
    await assertLeft(shop, 2)
    assert.equal(shop.journal.starts().length, 1)
  })
})
