/**
 * The floor of the admission benchmark: a fastify route that parses the same review and allows it, with our TLS options.
 * `node baseline.ts PORT CERTIFICATE KEY`
 */
import { readFileSync } from 'node:fs'
import { fastify } from 'fastify'

const BODY_LIMIT_BYTES = 7 * 1024 ** 2 // as ours
const KEEP_ALIVE_MS = 120_000 // as ours: the API server reuses idle connections for 90 s

const [port, certificate, key] = process.argv.slice(2)
if (port === undefined || certificate === undefined || key === undefined) {
  console.error('usage: node baseline.ts PORT CERTIFICATE KEY')
  process.exit(2)
}

const app = fastify({
  https: { cert: readFileSync(certificate), key: readFileSync(key) },
  bodyLimit: BODY_LIMIT_BYTES,
  keepAliveTimeout: KEEP_ALIVE_MS,
})

app.post<{ Body: { request: { uid: string } } }>('/mutate', (request) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: request.body.request.uid, allowed: true },
}))
app.get('/readyz', () => 'ok')

process.once('SIGTERM', () => process.exit(0))
await app.listen({ host: '127.0.0.1', port: Number(port) })
