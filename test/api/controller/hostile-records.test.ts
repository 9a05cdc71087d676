import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test } from 'node:test'
import {
  each,
  figure,
  makeNamespace,
  podsOf,
  send,
  startHostileStage,
  startWrapper,
} from '../../support/controller/crowd.ts'
import { injected } from '../../support/status/injected.ts'
import { root } from '../../support/tooling/root.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 240_000
const CONFIG_MAPS = 450
const EDITED = 5_000

const { cluster, start, endAll, servesOthers, isIdle, staysWithinLimit, deployments } = await startHostileStage()

describe('Neighbours of the controller that make ConfigMaps', () => {
  test('S6: 450 ConfigMaps of 1 MB: a start, a named lock and the search for stuck rollouts read them, the command line too', async (t) => {
    const hostile = 'large-records'
    await makeNamespace(cluster, hostile)
    await each(CONFIG_MAPS, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/configmaps?fieldManager=migrate-io`, largeRecord(nth))
    })
    await send(
      cluster,
      'POST',
      `/apis/apps/v1/namespaces/${hostile}/deployments`,
      injected('stuck', { replicas: 2, settings: { lock: 'shared' } }),
    )
    const [first, second] = await podsOf(cluster, { namespace: hostile, name: 'stuck', count: 2 })
    assert.ok(first && second)
    await send(cluster, 'POST', `/apis/apps/v1/namespaces/${hostile}/deployments`, injected('pulls', { replicas: 1 }))
    const [pulls] = await podsOf(cluster, { namespace: hostile, name: 'pulls', count: 1 })
    const ours = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0 }
    await send(cluster, 'PATCH', `/api/v1/namespaces/${hostile}/pods/${pulls?.metadata.name}/status`, {
      status: { initContainerStatuses: [{ ...ours, state: { waiting: { reason: 'ImagePullBackOff' } } }] },
    })
    const leader = await start(t)
    await leader.untilLeading()
    await servesOthers(t, 'while it looks for held locks')
    await startWrapper(cluster, hostile, first.metadata.name)
    await servesOthers(t, 'while it makes the named lock anew')
    const events = `/apis/events.k8s.io/v1/namespaces/${hostile}/events`
    const reasons = async () => {
      const { body } = await cluster.get<{ items: { reason: string }[] }>(events)
      return body.items.map(({ reason }) => reason)
    }
    await until('the named lock is theirs', reasons, {
      limitMs: LIMIT_MS,
      accept: (all) => all.includes('MigrationStarted'),
    })
    await isIdle(leader)
    await until('stuck rollouts have been looked for', reasons, {
      limitMs: LIMIT_MS,
      accept: (all) => all.includes('MigrationWaiting'),
    })
    await servesOthers(t, 'while stuck rollouts are looked for')
    await staysWithinLimit(t, { leader })

    const args = ['--max-old-space-size=384', `${root}/src/main.ts`, 'status', '-n', hostile, '-o', 'json']
    const status = spawnSync(process.execPath, [...args, '--kubeconfig', cluster.kubeconfig], { encoding: 'utf8' })
    assert.equal(status.status, 0, status.stderr)
    assert.equal(JSON.parse(status.stdout).deployments.length, 2)
    await endAll({ leader })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })

  test('S6: 5,000 edited records without a Deployment: others are served meanwhile, and then it rests', async (t) => {
    const hostile = 'edited-records'
    await makeNamespace(cluster, hostile)
    await each(EDITED, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/configmaps`, {
        metadata: { name: `deployment.gone-${nth}.migrate-io`, labels: { 'migrate.io/record': 'deployment' } },
        data: { holder: 'mine' },
      })
    })
    const leader = await start(t)
    await leader.untilLeading()
    await until('it looks at them', () => figure(leader, 'migrate_io_queued_locks'), {
      limitMs: LIMIT_MS,
      intervalMs: 5,
      accept: (queued) => queued > 1_000,
    })
    await servesOthers(t, 'while it looks at them')
    const queued = await figure(leader, 'migrate_io_queued_locks')
    assert.ok(queued > EDITED / 2, `others were served when only ${queued} of ${EDITED} were still to be looked at`)
    await isIdle(leader)
    await staysWithinLimit(t, { leader })
    // It looks at each lock that somebody waits for every 30 s.
    let before = Number.NaN
    const sinceLast = async () => {
      const now = reads(await cluster.metrics())
      const difference = now - before
      before = now
      t.diagnostic(`${difference} reads of ConfigMaps within 35 s`)
      return { difference }
    }
    await until('it rests', sinceLast, {
      limitMs: LIMIT_MS,
      intervalMs: 35_000,
      // Those of the quiet namespace, whose runs go on.
      accept: ({ difference }) => difference <= 10 * deployments(),
    })
    await endAll({ leader })
  })
})

function reads(metrics: string): number {
  const lines = metrics.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)
  return lines
    .filter(([, labels = '']) => labels.includes('resource="configmaps"') && labels.includes('verb="GET"'))
    .reduce((sum, [, , count]) => sum + Number(count), 0)
}

/** A third of them somebody else's to read, a third held by a pod that is gone, a third named locks. */
function largeRecord(nth: number): object {
  const kind = ['edited', 'held', 'lock'][nth % 3]
  const large = 'x'.repeat(1_000_000)
  const holder = { pod: 'gone', uid: 'gone', revision: 'a', number: 5, since: '2026-01-01T00:00:00Z' }
  if (kind === 'lock')
    return {
      metadata: { name: `lock.large-${nth}.migrate-io`, labels: { 'migrate.io/record': 'lock' } },
      data: { turn: '1', holder: large },
    }
  return {
    metadata: { name: `deployment.large-${nth}.migrate-io`, labels: { 'migrate.io/record': 'deployment' } },
    data: { number: '5', holder: kind === 'held' ? JSON.stringify(holder) : 'mine', 'completed.a': large },
  }
}
