import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry as PromRegistry } from 'prom-client'
import { Counter, Gauge, Histogram, Registry } from './prom-client.ts'

const EVENT_LOOP_SAMPLE_MS = 20 // 50 timer wake-ups a second, under 0.1 % of a core

// An admission takes 0.1 to 1 ms here; the API server waits for 5 s at most.
const DURATION_EDGES_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

/** What became of a call. Each label has a small fixed set of values, never a name that somebody chose. */
export interface AdmissionLabels {
  readonly operation: string
  /** The kind of the decision; `error` where there was none. */
  readonly outcome: string
  readonly reason: string
}

/** Metrics of the webhook role, in a registry of their own. */
export interface WebhookMetrics {
  admission(labels: AdmissionLabels, seconds: number): void
  certificateExpiry(at: Date): void
  certificateReloadFailed(): void
  /** In the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
}

export function createWebhookMetrics(build: { readonly version: string }): WebhookMetrics {
  const registry = new Registry()
  const registers = [registry]
  addProcessMetrics(registry)
  new Gauge({ name: 'migrate_io_build_info', help: 'Always 1.', labelNames: ['version', 'node'], registers }).set(
    { version: build.version, node: process.version },
    1,
  )
  const requests = new Counter({
    name: 'migrate_io_admission_requests_total',
    help: 'AdmissionReviews answered, by operation, what became of them and why.',
    labelNames: ['operation', 'outcome', 'reason'],
    registers,
  })
  const duration = new Histogram({
    name: 'migrate_io_admission_duration_seconds',
    help: 'Time from the header of a call to its answer, including the time that its body took to arrive.',
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
    help: 'Certificate files that were seen and not taken; each content counts once.',
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
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/**
 * The few process metrics that dashboards use, under their usual names. Not prom-client's default set: that one watches every
 * garbage collection and loads a dozen files, which costs start-up time and memory that P2 counts.
 */
function addProcessMetrics(registry: PromRegistry): void {
  const registers = [registry]
  const startedAtSeconds = Date.now() / 1000 - process.uptime()
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since 1970.',
    registers,
  }).set(startedAtSeconds)
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  gauge('nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed)
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  const delay = monitorEventLoopDelay({ resolution: EVENT_LOOP_SAMPLE_MS })
  delay.enable()
  new Gauge({
    name: 'migrate_io_event_loop_delay_seconds',
    help: 'How late timers ran since the last scrape.',
    labelNames: ['quantile'],
    registers,
    collect() {
      for (const percentile of [50, 99, 100]) {
        // The histogram holds the time between two samples; what goes beyond the sampling interval is the delay.
        const lateMs = delay.count === 0 ? 0 : Math.max(0, delay.percentile(percentile) / 1e6 - EVENT_LOOP_SAMPLE_MS)
        this.set({ quantile: String(percentile / 100) }, lateMs / 1000)
      }
      delay.reset()
    },
  })

  function gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }
}
