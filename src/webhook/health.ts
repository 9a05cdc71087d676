import type { FastifyInstance } from 'fastify'
import type { WebhookMetrics } from '../observability/metrics.ts'
import { createFastify, type ServerParts } from './fastify.ts'

/** Why no calls should be sent here, as a sentence; undefined while they should. */
export type NotReady = () => string | undefined

/** `/healthz`: the event loop turns, nothing else. A broken certificate must not get the pod restarted: that mends nothing. */
export function addHealth(app: FastifyInstance, notReady: NotReady): void {
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'))
  app.get('/readyz', (_request, reply) => {
    const why = notReady()
    return reply
      .code(why === undefined ? 200 : 503)
      .type('text/plain')
      .send(`${why ?? 'ok'}\n`)
  })
}

interface HealthParts extends ServerParts {
  readonly notReady: NotReady
  readonly metrics: WebhookMetrics
}

/** The app of the port without TLS: health and metrics for probes and scrapers that don't know our CA. */
export function buildHealthApp(parts: HealthParts): FastifyInstance {
  const app = createFastify({ ...(parts.serverFactory && { serverFactory: parts.serverFactory }) })
  addHealth(app, parts.notReady)
  addMetrics(app, parts.metrics)
  return app
}

export function addMetrics(app: FastifyInstance, metrics: WebhookMetrics): void {
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}
