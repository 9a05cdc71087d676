import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, type Registry } from 'prom-client'

/** What a `/metrics` route needs. */
export interface Exposition {
  /** In the Prometheus text format. */
  text(): Promise<string>
  readonly contentType: string
  /** What there is, for the reference page. */
  describe(): readonly DescribedMetric[]
}

export interface DescribedMetric {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labels: readonly string[]
}

interface Metric extends Omit<DescribedMetric, 'labels'> {
  readonly labelNames: readonly string[]
}

export function exposed(registry: Registry): Exposition {
  return {
    text: () => registry.metrics(),
    contentType: registry.contentType,
    describe() {
      // What prom-client gives has the labels too; only its types don't say so.
      const metrics = registry.getMetricsAsArray() as unknown as readonly Metric[]
      return metrics.map(({ name, type, help, labelNames }) => ({ name, type, help, labels: labelNames }))
    },
  }
}

/** Adds a gauge whose value is asked for at each scrape; while it is undefined, the gauge is not there. */
export function addMeasuredGauge(
  registry: Registry,
  name: string,
  help: string,
  value: () => number | undefined,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      const now = value()
      if (now === undefined) this.remove()
      else this.set(now)
    },
  })
}

/** The same with one label: whatever is not among the values of this scrape is not there. */
export function addMeasuredGauges(
  registry: Registry,
  { name, help, label }: { readonly name: string; readonly help: string; readonly label: string },
  values: () => Iterable<readonly [string, number]>,
): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [each, value] of values()) this.set({ [label]: each }, value)
    },
  })
}

const EVENT_LOOP_SAMPLE_MS = 20 // 50 timer wake-ups a second, under 0.1 % of a core

/**
 * The few process metrics that dashboards use, under their usual names. Not prom-client's default set: that one watches every
 * garbage collection and loads a dozen files, which costs start-up time and memory that P2 counts.
 */
export function addProcessMetrics(registry: Registry, build: { readonly version: string }): void {
  const registers = [registry]
  new Gauge({ name: 'migrate_io_build_info', help: 'Always 1.', labelNames: ['version', 'node'], registers }).set(
    { version: build.version, node: process.version },
    1,
  )
  const startedAtSeconds = Date.now() / 1000 - process.uptime()
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process, in seconds since 1970.',
    registers,
  }).set(startedAtSeconds)
  addMeasuredGauge(registry, 'process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  addMeasuredGauge(registry, 'nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed)
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
}

/** Buckets of runs, and of waits for them: from a command that finds nothing to do to a backfill of half a day. */
export const RUN_EDGES_SECONDS = [1, 2.5, 5, 10, 30, 60, 150, 300, 600, 1800, 3600, 10_800, 43_200]
