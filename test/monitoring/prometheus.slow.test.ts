import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/kube/objects.ts'
import { lockConfigMapName } from '../../src/migration/names.ts'
import { pkiFiles } from '../cluster/certificates.ts'
import { startCluster } from '../cluster/cluster.ts'
import { webhookConfiguration } from '../e2e/configuration.ts'
import { flask } from '../e2e/deployment.ts'
import { installProcess } from '../e2e/install.ts'
import { openScene, running } from '../e2e/migrating.ts'
import { startControllerProcess } from '../lock/controller-process.ts'
import { until } from '../until.ts'
import { alertOperands, dashboardExpressions } from './expressions.ts'
import { startPrometheus } from './prometheus.ts'
import { RULES_FILE, readRules } from './rules.ts'

const LIMIT_MS = 90_000
const OPTED_IN = { 'migrate.io/injection': 'enabled' }
/** Expressions for which no data is right here, and why. */
const NONE_IS_RIGHT: Readonly<Record<string, string>> = {
  'Calls to the API server that failed': 'none has failed; the series appears with the first failure',
}

const cluster = await startCluster()
const installation = await installProcess(cluster)
const managed = 'migrate-io-managed'
const { url } = installation.webhook
const configuration = webhookConfiguration({ url, ca: cluster.ca, scope: 'managed' })
await cluster.request('POST', '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', configuration)
const start = () =>
  startControllerProcess({
    kubeconfig: cluster.kubeconfig,
    more: ['--certificates', 'self-managed', '--webhook-configuration', managed],
  })
const controllers = [await start(), await start()]
const admin = pkiFiles(cluster.folder).admin
const prometheus = await startPrometheus(
  [
    { job_name: 'controller', static_configs: [{ targets: controllers.map(({ address }) => address) }] },
    {
      job_name: 'webhook',
      scheme: 'https',
      tls_config: { ca_file: join(installation.certificates, 'ca.crt') },
      static_configs: [{ targets: [new URL(url).host] }],
    },
    {
      job_name: 'apiserver',
      scheme: 'https',
      tls_config: { ca_file: cluster.caFile, cert_file: admin.certificate, key_file: admin.key },
      static_configs: [{ targets: [new URL(cluster.url).host] }],
    },
  ],
  RULES_FILE,
)
after(async () => {
  await prometheus.stop()
  await Promise.all(controllers.map((each) => each.stop('SIGKILL')))
  await installation.stop()
  await cluster.stop()
})

/**
 * All that a cluster can show at once: a success, a failure, a run on a lost node and a wait for it, a lock that is not ours,
 * an image that is missing.
 */
before(async () => {
  await prometheus.untilScraped(4)
  const scene = await openScene(cluster, OPTED_IN)
  await installation.untilOptedIn(scene.namespace)
  const granted = (name: string) =>
    until(
      `a pod of ${name} may run`,
      async () => (await scene.pods(name)).find((pod) => /^run \d+$/.test(grantOf(pod))),
      { limitMs: LIMIT_MS },
    )
  const end = async (pod: Pod, exitCode: number) => {
    const now = new Date().toISOString()
    const terminated = { exitCode, message: grantOf(pod), startedAt: now, finishedAt: now }
    await scene.tell(pod, { state: { terminated } })
  }
  const run = async (name: string, settings: Record<string, string> = {}) => {
    for (const pod of await scene.deploy(name, { settings })) await scene.tell(pod, running())
    return granted(name)
  }
  await end(await run('succeeds'), 0)
  await end(await run('fails', { retries: '0' }), 3)
  await scene.bind(await run('lost'), 'Unknown')
  const notOurs = { metadata: { name: lockConfigMapName('blocked') }, data: { owner: 'somebody else' } }
  await scene.send('POST', `/api/v1/namespaces/${scene.namespace}/configmaps`, notOurs)
  const [blocked] = await scene.deploy('blocked', { replicas: 1 })
  const [missing] = await scene.deploy('missing', { replicas: 1 })
  assert.ok(blocked)
  await scene.tell(blocked, running())
  assert.ok(missing)
  await scene.tell(missing, { state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } } })
  // Refused by the webhook; then one that it can't be asked about.
  const deployments = `/apis/apps/v1/namespaces/${scene.namespace}/deployments`
  const misspelt = flask('misspelt', ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, 'migrate.io/comand': 'true' }
  })
  assert.equal((await cluster.request('POST', deployments, misspelt)).status, 422)
  await installation.webhook.stop()
  assert.equal((await cluster.request('POST', deployments, flask('unasked'))).status, 500)
  await installation.restart()
  await prometheus.untilScraped(4)
})

function grantOf({ metadata }: Pod): string {
  return metadata.annotations?.['migrate.io/grant'] ?? ''
}

describe('A real Prometheus, scraping a webhook, two controllers and the API server', () => {
  for (const [expr, expected] of [
    ['sum(migrate_io_leader)', 1],
    ['sum(migrate_io_webhook_ready)', 1],
    ['sum by () (migrate_io_runs_total{outcome="succeeded"})', 1],
    ['sum by () (migrate_io_runs_total{outcome="failed"})', 1],
    ['sum(migrate_io_failing_deployments)', 1],
    ['sum(migrate_io_held_locks)', 1],
    ['sum(migrate_io_waiting_pods{reason="running"})', 1],
    ['sum(migrate_io_waiting_pods{reason="gave-up"})', 1],
    ['sum(migrate_io_waiting_pods{reason="unknown"})', 1],
    ['sum(migrate_io_lasting_waits{reason="node-lost"})', 1],
    ['sum(migrate_io_lasting_waits{reason="image-pull"})', 1],
    ['count(migrate_io_held_locks)', 1],
  ] as const)
    test(`${expr} is ${expected}`, async () => {
      await until('it is', () => prometheus.query(expr), {
        limitMs: LIMIT_MS,
        accept: ([only]) => only?.value === expected,
      })
    })

  for (const { where, expr } of [...dashboardExpressions(), ...alertOperands()])
    test(`${where}: ${expr}`, async (t) => {
      if (NONE_IS_RIGHT[where] !== undefined) return assert.deepEqual(await prometheus.query(expr), [])
      const samples = await until('it has data', () => prometheus.query(expr), {
        limitMs: LIMIT_MS,
        accept: (seen) => seen.some(({ value }) => Number.isFinite(value)),
      })
      t.diagnostic(samples.map(({ metric, value }) => `${Object.values(metric)} = ${value}`).join('; '))
    })
})

describe('The alerts that the situation calls for, and no others', () => {
  const active = async () => {
    const alerts = await prometheus.alerts()
    assert.deepEqual(
      alerts.filter(({ error }) => error !== ''),
      [],
    )
    assert.equal(alerts.length, readRules().length)
    return alerts.flatMap(({ name, state }) => (state === 'inactive' ? [] : [name])).toSorted()
  }
  const becomes = (expected: readonly string[]) =>
    until(`active are ${expected}`, active, {
      limitMs: LIMIT_MS,
      accept: (names) => JSON.stringify(names) === JSON.stringify(expected),
    })
  const present = ['MigrateIoHolderOnLostNode', 'MigrateIoMigrationFailing', 'MigrateIoMigrationWaitsLong']

  test('while a migration fails, a node is lost and an image is missing', async () => {
    await becomes(present)
  })

  test('and all controllers and webhooks are gone', async () => {
    await installation.webhook.stop()
    await Promise.all(controllers.map((each) => each.stop('SIGKILL')))
    await becomes(['MigrateIoNoLeader', 'MigrateIoWebhookNotReady'])
  })
})
