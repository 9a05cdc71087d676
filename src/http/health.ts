import type { FastifyInstance } from 'fastify'
import type { Exposition } from '../observability/prometheus.ts'
import { limitConnections } from './connections.ts'
import { createFastify } from './fastify.ts'

const CONNECTIONS_MAX = 100 // kubelet's probes, and a few that scrape metrics

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

/** The app of a port without TLS: health and metrics for probes and scrapers that don't know our CA. */
export function buildHealthApp(notReady: NotReady, metrics: Exposition): FastifyInstance {
  // At a shutdown, a client that never ends its request must not hold it up.
  const app = createFastify({ forceCloseConnections: true })
  app.removeAllContentTypeParsers() // nothing here has a body
  limitConnections(app.server, { maxCount: CONNECTIONS_MAX })
  addHealth(app, notReady)
  addMetrics(app, metrics)
  return app
}

export function addMetrics(app: FastifyInstance, metrics: Exposition): void {
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()))
}
