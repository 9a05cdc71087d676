import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { parse } from 'yaml'
import { lockConfigMapName } from '../../../src/names.ts'
import { pkiFiles } from '../../support/cluster/certificates.ts'
import { busyboxImage } from '../../support/cluster/images/images.ts'
import { CONTROLLER } from '../../support/deploy/apply.ts'
import { blocksOf, pageAt } from '../../support/docs/markdown.ts'
import { PROBE } from '../../support/installation/served.ts'
import { alertOperands, dashboardExpressions } from '../../support/monitoring/expressions.ts'
import { startPrometheus } from '../../support/monitoring/prometheus.ts'
import { RULES_FILE, readRules } from '../../support/monitoring/rules.ts'
import { until } from '../../support/until.ts'
import { openApps, scaleOurs } from './life/apps.ts'
import { installOnNode } from './site.ts'

/** A node counts as lost after 20 s, an image as missing after kubelet's first tries; told as lasting some time later. */
const LIMIT_MS = 240_000
/** Two of each role, and the API server. */
const TARGETS = 5
/** Expressions for which no data is right here, and why. */
const NONE_IS_RIGHT: readonly [RegExp, why: string][] = [
  [/migrate_io_api_failures_total/, 'none has failed; the series appears with the first failure'],
  [/offset 10m/, 'nothing was scraped ten minutes ago'],
]
const REFUSALS = 'sum(rate(apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error"}[10m]))'

const site = await installOnNode()
const { cluster } = site
const { admin } = pkiFiles(cluster.folder)
const prometheus = await startPrometheus(
  [
    ...scrapesOfTheHowTo(),
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
  await site.stop()
})

/** What docs/how-to/monitoring.md has people write, for a Prometheus outside of the cluster. */
function scrapesOfTheHowTo(): readonly object[] {
  const [written] = blocksOf(pageAt('docs/how-to/monitoring.md')).filter(({ text }) => text.includes('scrape_configs'))
  const { scrape_configs } = parse(written?.text ?? '') as {
    scrape_configs: { kubernetes_sd_configs: { role: string }[] }[]
  }
  return scrape_configs.map((job) => ({
    ...job,
    kubernetes_sd_configs: job.kubernetes_sd_configs.map((each) => ({ ...each, kubeconfig_file: cluster.kubeconfig })),
  }))
}

const becomes = (expr: string, isSo: (value: number) => boolean) =>
  until(`${expr} is so`, () => prometheus.query(expr), {
    limitMs: LIMIT_MS,
    accept: ([only]) => only !== undefined && isSo(only.value),
  })

/** All that a cluster can show at once: see the Deployments' names. */
before(async () => {
  await prometheus.untilScraped(TARGETS)
  // What was done at the first start, twice, before those that did it go.
  await becomes('min(count_over_time(migrate_io_certificate_steps_total[10m]))', (samples) => samples >= 2)
  const apps = await openApps(site)
  const { place } = apps
  await scaleOurs(site, 0)
  const unanswered = async () => {
    assert.equal((await place.create(PROBE, '?dryRun=All')).status, 500)
    return prometheus.query(REFUSALS)
  }
  await until('the API server counts calls that nobody answers', unanswered, {
    limitMs: LIMIT_MS,
    accept: ([only]) => (only?.value ?? 0) > 0,
  })
  await scaleOurs(site, 2)
  await prometheus.untilScraped(TARGETS)

  const misspelt = { ...PROBE, metadata: { name: 'misspelt', annotations: { 'migrate.io/comand': 'true' } } }
  assert.equal((await place.create(misspelt)).status, 422)
  await apps.rollOut('succeeds')
  await apps.apply('fails', { command: 'exit 3', settings: { retries: '0' } })
  // As one that was there before the policies were: they let nobody but the controller make one of that name.
  const as = `--as=${CONTROLLER}`
  await place.kubectl(['create', 'configmap', lockConfigMapName('blocked'), '--from-literal=owner=others', as])
  await apps.apply('blocked')
  await apps.apply('missing', {
    change(_, app) {
      Object.assign(app, { image: 'migrate.io/not-there:test', imagePullPolicy: 'IfNotPresent' })
    },
  })
  const second = await cluster.addNode()
  await cluster.loadImage((await busyboxImage()).file)
  await apps.apply('lost', {
    command: 'sleep 3600',
    change(spec) {
      Object.assign(spec, { nodeSelector: { 'kubernetes.io/hostname': second.name } })
    },
  })
  await until('it runs there', () => apps.pods('lost'), {
    limitMs: LIMIT_MS,
    accept: (pods) => pods.some(({ metadata }) => /^run /.test(metadata.annotations?.['migrate.io/grant'] ?? '')),
  })
  second.disconnect()
})

describe('A real Prometheus, scraping what is installed as the how-to says, and the API server', () => {
  for (const [expr, expected] of [
    ['sum(migrate_io_leader)', 1],
    ['sum(migrate_io_webhook_ready)', 2],
    ['sum(migrate_io_admission_requests_total{outcome="refused"})', 1],
    ['sum by () (migrate_io_runs_total{outcome="succeeded"})', 1],
    ['sum by () (migrate_io_runs_total{outcome="failed"})', 1],
    ['sum(migrate_io_failing_deployments)', 1],
    ['sum(migrate_io_held_locks)', 1],
    ['sum(migrate_io_lasting_waits{reason="node-lost"})', 1],
    ['sum(migrate_io_lasting_waits{reason="image-pull"})', 1],
    ['sum(migrate_io_waiting_pods{reason="gave-up"})', 2],
    ['count(migrate_io_held_locks)', 1],
    ['count(count by (version) (migrate_io_build_info))', 1],
  ] as const)
    test(`${expr} is ${expected}`, async () => {
      await becomes(expr, (value) => value === expected)
    })

  for (const { where, expr } of [...dashboardExpressions(), ...alertOperands()])
    test(`${where}: ${expr}`, async (t) => {
      const none = NONE_IS_RIGHT.find(([pattern]) => pattern.test(expr))
      if (none !== undefined) {
        t.diagnostic(`none: ${none[1]}`)
        return assert.deepEqual(await prometheus.query(expr), [])
      }
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
  const areActive = (expected: readonly string[]) =>
    until(`active are ${expected}`, active, {
      limitMs: LIMIT_MS,
      accept: (names) => JSON.stringify(names) === JSON.stringify(expected),
    })
  /** It looks back for ten minutes. */
  const earlier = 'MigrateIoAdmissionFailing'

  test('while a migration fails, a node is lost and an image is missing, soon after calls that nobody answered', async () => {
    await areActive([earlier, 'MigrateIoHolderOnLostNode', 'MigrateIoMigrationFailing', 'MigrateIoMigrationWaitsLong'])
  })

  test('and all controllers and webhooks are gone', async () => {
    await scaleOurs(site, 0)
    await areActive([earlier, 'MigrateIoNoLeader', 'MigrateIoWebhookNotReady'])
  })
})
