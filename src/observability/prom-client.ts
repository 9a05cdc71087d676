import { createRequire } from 'node:module'
import type * as prom from 'prom-client'

/**
 * The four classes of prom-client that we use, from their own files. Its index also loads the push gateway, the cluster
 * aggregator, the default metrics and the OpenTelemetry API, which takes 90 ms at start and megabytes of memory (P2).
 */
const require = createRequire(import.meta.url)

export const Counter: typeof prom.Counter = require('prom-client/lib/counter.js')
export const Gauge: typeof prom.Gauge = require('prom-client/lib/gauge.js')
export const Histogram: typeof prom.Histogram = require('prom-client/lib/histogram.js')
export const Registry: typeof prom.Registry = require('prom-client/lib/registry.js')
