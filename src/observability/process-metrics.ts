import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Registry as PromRegistry } from 'prom-client'
import { addMeasuredGauge } from './measured-gauge.ts'
import { Counter, Gauge } from './prom-client.ts'

const EVENT_LOOP_SAMPLE_MS = 20 // 50 timer wake-ups a second, under 0.1 % of a core

/**
 * The few process metrics that dashboards use, under their usual names. Not prom-client's default set: that one watches every
 * garbage collection and loads a dozen files, which costs start-up time and memory that P2 counts.
 */
export function addProcessMetrics(registry: PromRegistry, build: { readonly version: string }): void {
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
