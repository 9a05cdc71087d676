/**
 * Records what a real API server sends: test/bench/review.json for `kubectl set image` of the injected Flask Deployment, and
 * test/demo/review.json for `kubectl create` of the one in examples/flask.
 * `node test/bench/make-review.ts` after a change of the wrapper.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { makeDevelopmentCertificates } from '../../certs/generate.ts'
import { decideInjection } from '../../src/injection/decide.ts'
import { allowed, patchBetween } from '../../src/webhook/answer.ts'
import { EXAMPLE_REVIEW_FILE } from '../demo/review.ts'
import { startCluster } from '../support/cluster/cluster.ts'
import { webhookConfiguration } from '../support/installation/configuration.ts'
import { root } from '../support/tooling/root.ts'
import { until } from '../support/until.ts'
import { FLASK, NEW_IMAGE } from './deployment.ts'
import { REVIEW_FILE, type Review, recordedReview } from './review.ts'

const NAMESPACE = 'shop'

const reviews: Review[] = []
await using cluster = await startCluster()
const { ca, cert, key } = await makeDevelopmentCertificates()
const recorder = createServer({ cert, key }, async (request, response) => {
  const review = JSON.parse(await text(request)) as Review
  reviews.push(review)
  const { uid, object, oldObject } = review.request
  const decision = decideInjection({ object, ...(oldObject && { oldObject }), optedIn: true })
  const wanted = decision.kind === 'refused' ? object : decision.deployment
  response.setHeader('content-type', 'application/json').end(allowed(uid, patchBetween(object, wanted), []))
})
recorder.listen(0, '127.0.0.1')
await once(recorder, 'listening')
const url = `https://127.0.0.1:${(recorder.address() as AddressInfo).port}`

const input = JSON.stringify({ apiVersion: 'admissionregistration.k8s.io/v1', ...webhookConfiguration({ url, ca }) })
await cluster.kubectl(['create', '-f', '-'], { input })
await cluster.kubectl(['create', 'namespace', NAMESPACE])
await cluster.kubectl(['label', 'namespace', NAMESPACE, 'migrate.io/injection=enabled'])
const apply = ['apply', '--server-side', '-n', NAMESPACE, '-f', '-']
const flask = { ...FLASK, metadata: { ...(FLASK['metadata'] as object), namespace: NAMESPACE } }
await until(
  'the API server calls the recorder',
  async () => {
    await cluster.kubectl([...apply, '--dry-run=server'], { input: JSON.stringify(flask) })
    return reviews.length
  },
  { limitMs: 30_000 },
)
await cluster.kubectl(apply, { input: JSON.stringify(flask) })
await cluster.kubectl(['set', 'image', '-n', NAMESPACE, 'deployment/flask', `flask=${NEW_IMAGE}`])
await cluster.kubectl(['create', 'namespace', 'demo'])
await cluster.kubectl(['label', 'namespace', 'demo', 'migrate.io/injection=enabled'])
const updated = reviews.at(-1)
await until(
  'the API server has asked about the example',
  async () => {
    await cluster.kubectl(['delete', '-n', 'demo', 'deployment', 'flask', '--ignore-not-found'])
    await cluster.kubectl(['create', '-n', 'demo', '-f', `${root}/examples/flask/deployment.yaml`])
    return reviews.at(-1) !== updated
  },
  { limitMs: 30_000 },
)
recorder.close()
recorder.closeAllConnections()

for (const [file, review] of [
  [REVIEW_FILE, updated],
  [EXAMPLE_REVIEW_FILE, reviews.at(-1)],
] as const) {
  writeFileSync(file, JSON.stringify(review, null, 2))
  execFileSync('biome', ['format', '--write', file.pathname], { stdio: 'inherit' })
}
console.log(
  `test/demo/review.json, and test/bench/review.json: ${Buffer.byteLength(recordedReview().body)} bytes on the wire`,
)
