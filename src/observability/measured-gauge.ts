import type { Registry } from 'prom-client'
import { Gauge } from './prom-client.ts'

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
