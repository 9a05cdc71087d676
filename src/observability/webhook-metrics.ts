import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { addMeasuredGauge, addProcessMetrics, type Exposition, exposed } from './prometheus.ts'

// An admission takes 0.1 to 1 ms here; the API server waits for 5 s at most.
const DURATION_EDGES_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** What became of a call. Each label has a small fixed set of values, never a name that a user chose. */
export interface AdmissionLabels {
  readonly operation: string
  /** The kind of the decision; `error` where there was none. */
  readonly outcome: string
  readonly reason: string
}

/** Metrics of the webhook role, in a registry of their own. */
export interface WebhookMetrics extends Exposition {
  admission(labels: AdmissionLabels, seconds: number): void
  certificateExpiry(at: Date): void
  certificateReloadFailed(): void
}

export interface WebhookGauges {
  readonly version: string
  readonly isReady: () => boolean
}

export function createWebhookMetrics({ version, isReady }: WebhookGauges): WebhookMetrics {
  const registry = new Registry()
  const registers = [registry]
  addProcessMetrics(registry, { version })
  addMeasuredGauge(registry, 'migrate_io_webhook_ready', '1 while calls should be sent here, else 0.', () =>
    isReady() ? 1 : 0,
  )
  const requests = new Counter({
    name: 'migrate_io_admission_requests_total',
    help: 'AdmissionReviews answered, by operation, outcome and reason.',
    labelNames: ['operation', 'outcome', 'reason'],
    registers,
  })
  // So that the first one is seen as an increase.
  requests.inc({ operation: 'none', outcome: 'error', reason: 'internal' }, 0)
  const duration = new Histogram({
    name: 'migrate_io_admission_duration_seconds',
    help: 'Time from the header of a request to its answer, including the time that its body took to arrive.',
    buckets: DURATION_EDGES_SECONDS,
    registers,
  })
  const expiry = new Gauge({
    name: 'migrate_io_certificate_expiry_timestamp_seconds',
    help: 'When the serving certificate expires, in seconds since 1970.',
    registers,
  })
  const reloadFailures = new Counter({
    name: 'migrate_io_certificate_reload_failures_total',
    help: 'Certificate files that were rejected; each content counts once.',
    registers,
  })
  // prom-client looks labels up by a text that it builds at each call; a Map of the few that occur is cheaper.
  const children = new Map<string, ReturnType<typeof requests.labels>>()
  return {
    admission({ operation, outcome, reason }, seconds) {
      const key = `${operation} ${outcome} ${reason}`
      let child = children.get(key)
      if (child === undefined) {
        child = requests.labels(operation, outcome, reason)
        children.set(key, child)
      }
      child.inc()
      duration.observe(seconds)
    },
    certificateExpiry: (at) => expiry.set(at.getTime() / 1000),
    certificateReloadFailed: () => reloadFailures.inc(),
    ...exposed(registry),
  }
}
