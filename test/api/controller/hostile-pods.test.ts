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
import { app } from '../../support/installation/deployment.ts'
import { injected } from '../../support/status/injected.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 240_000
const PODS = 100

const { cluster, start, endAll, servesOthers, watches, staysWithinLimit } = await startHostileStage()

describe('Neighbours of the controller that make large pods', () => {
  test('S6: 100 pods of 1.4 MB: leader, standby and a fresh start stay within their limit, others are served', async (t) => {
    const hostile = 'large-pods'
    await makeNamespace(cluster, hostile)
    const leader = await start(t)
    await leader.untilLeading()
    const standby = await start(t)
    await servesOthers(t, 'before')
    await each(PODS, async (nth) => {
      await send(cluster, 'POST', `/api/v1/namespaces/${hostile}/pods`, largePod(nth))
    })
    await servesOthers(t, 'while they come')
    await watches(leader, PODS)
    // Each change shows all of a pod once more.
    await each(PODS, async (nth) => {
      const change = { metadata: { annotations: { 'migrate.io/grant': `wait 5\n${'x'.repeat(50_000)}` } } }
      await send(cluster, 'PATCH', `/api/v1/namespaces/${hostile}/pods/large-${nth}`, change)
    })
    await servesOthers(t, 'while they change')
    const fresh = await start(t, 'elsewhere')
    await watches(fresh, PODS)
    await staysWithinLimit(t, { leader, standby, fresh })
    await endAll({ leader, standby, fresh })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })

  test('S6: a Deployment of 1.4 MB whose pods all skip: what each write answers is not kept', async (t) => {
    const hostile = 'large-deployment'
    const name = 'large'
    await makeNamespace(cluster, hostile)
    const manifest = injected(name, { replicas: PODS })
    app(manifest).env = [{ name: 'LARGE', value: 'x'.repeat(1_300_000) }]
    await send(cluster, 'POST', `/apis/apps/v1/namespaces/${hostile}/deployments`, manifest)
    const pods = await podsOf(cluster, { namespace: hostile, name, count: PODS })
    const leader = await start(t)
    await leader.untilLeading()
    await watches(leader, PODS)
    const record = `/api/v1/namespaces/${hostile}/configmaps/deployment.${name}.migrate-io`
    await until('its record is there', async () => (await cluster.get(record)).status === 200, { limitMs: LIMIT_MS })
    const revision = pods[0]?.metadata.labels?.['pod-template-hash'] ?? ''
    await send(cluster, 'PATCH', record, { data: { [`completed.${revision}`]: 'by hand' } })
    await each(PODS, async (nth) => startWrapper(cluster, hostile, pods[nth]?.metadata.name ?? ''))
    await servesOthers(t, 'while they skip')
    await until('all were told to skip', () => figure(leader, 'migrate_io_skipped_pods_total'), {
      limitMs: LIMIT_MS,
      accept: (skipped) => skipped >= PODS,
    })
    await staysWithinLimit(t, { leader })
    await endAll({ leader })
    await send(cluster, 'DELETE', `/api/v1/namespaces/${hostile}`, {})
  })
})

/** Nearly all of it is the volume by which a pod shows whose it is. */
function largePod(nth: number): object {
  const record = { name: `deployment.large-${nth}.migrate-io`, optional: true }
  const serviceAccountToken = { path: 'token', audience: 'x'.repeat(1_400_000) }
  return {
    metadata: { name: `large-${nth}`, labels: { 'migrate.io/protocol': '1' } },
    spec: {
      automountServiceAccountToken: false,
      containers: [{ name: 'app', image: 'app:1' }],
      volumes: [{ name: 'migrate-io', projected: { sources: [{ configMap: record }, { serviceAccountToken }] } }],
    },
  }
}
