import type { Registry } from 'prom-client'

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
