import { PodIndex } from '../../../../src/controller/pod-index.ts'
import { STUCK_REASONS } from '../../../../src/controller/stuck-rollouts.ts'
import { INJECTION_REASONS } from '../../../../src/injection/reasons.ts'
import { PROBLEMS, WAIT_KINDS } from '../../../../src/lock/reasons.ts'
import { createControllerMetrics } from '../../../../src/observability/controller-metrics.ts'
import { LockGauges } from '../../../../src/observability/lock-gauges.ts'
import type { DescribedMetric, Exposition } from '../../../../src/observability/prometheus.ts'
import { createWebhookMetrics } from '../../../../src/observability/webhook-metrics.ts'
import type { Generated } from '../generated.ts'

/** docs/reference/metrics.md, from the metrics themselves and the tables that their labels come from. */
export function metricsReference(): Generated {
  const controller = createControllerMetrics({
    version: '',
    watchedPods: () => 0,
    queuedLocks: () => 0,
    lockGauges: new LockGauges(new PodIndex()),
    stuckReasons: Object.keys(STUCK_REASONS),
  })
  const webhook = createWebhookMetrics({ version: '', isReady: () => true })
  const ofWebhook = names(webhook)
  const both = controller.describe().filter(({ name }) => ofWebhook.has(name))
  const ofBoth = new Set(both.map(({ name }) => name))
  const only = (metrics: Exposition) => metrics.describe().filter(({ name }) => !ofBoth.has(name))
  const text = `<!-- Made by \`npm run generate\` from src/observability. -->

# Metrics

\`/metrics\` on port 8080 of both roles, in the Prometheus text format. No label holds a name that a user chose.
[How to scrape them](../how-to/monitoring.md), with alerts and a dashboard.

## Controller

Only the leading controller reports waits, locks and failing Deployments.

${table(only(controller))}

## Webhook

${table(only(webhook))}

## Both

${table(both)}

## Values of labels

\`migrate_io_waiting_pods\`, \`migrate_io_oldest_wait_start_timestamp_seconds\` and \`migrate_io_waiting_locks\`, \`reason\`:

${values(WAIT_KINDS)}

\`migrate_io_lasting_waits\`, \`reason\`, as \`migrate-io status -o json\` has it: ${Object.keys(STUCK_REASONS)
    .map(code)
    .join(', ')}. \`migrate-io status\` says what each means and what to do.

\`migrate_io_problems_total\`, \`reason\`:

${values(PROBLEMS)}

\`migrate_io_runs_total\`, \`outcome\`: \`succeeded\`, \`failed\`, \`interrupted\`: the result is unknown, as when the pod was
deleted.

\`migrate_io_api_failures_total\`, \`code\`: as \`migrate_io_problems_total\` has them, \`conflict\` and \`invalid\`, and \`fault\`
for a bug in migrate.io.

\`migrate_io_admission_requests_total\`, \`outcome\`: \`injected\`, \`kept\`, \`stripped\`, \`untouched\`, \`refused\`, \`error\`: it could
not be answered, \`internal\` for a bug in migrate.io, else the reason lies in what was sent. \`reason\` of all others:

${values(INJECTION_REASONS)}
`
  return { path: 'docs/reference/metrics.md', text }
}

function names(metrics: Exposition): ReadonlySet<string> {
  return new Set(metrics.describe().map(({ name }) => name))
}

function table(metrics: readonly DescribedMetric[]): string {
  const rows = metrics
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }) => `| ${code(name)} | ${type} | ${labels.map(code).join(', ')} | ${help} |`)
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function values(meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(meanings).map(([value, meaning]) => `| ${code(value)} | ${meaning} |`)
  return ['| value | meaning |', '| --- | --- |', ...rows].join('\n')
}

function code(text: string): string {
  return `\`${text}\``
}
