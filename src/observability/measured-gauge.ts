import type { Registry } from 'prom-client'
import { Gauge } from './prom-client.ts'

/** Adds a gauge whose value is asked for at each scrape. */
export function addMeasuredGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value())
    },
  })
}
