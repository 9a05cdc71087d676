import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { makeDevelopmentCertificates, writeCertificates } from '../../certs/generate.ts'
import type { JsonObject } from '../../src/json.ts'
import type { Review } from '../bench/review.ts'
import { webhookConfiguration } from '../support/installation/configuration.ts'
import { startWebhookProcess } from '../support/installation/webhook-process.ts'
import { root } from '../support/tooling/root.ts'
import { asWritten, MANIFEST } from './example.ts'
import { exampleReview } from './review.ts'
import { showCommand, showDifference, showStep, showText } from './show.ts'

const MISSPELT = { 'migrate.io/tiemout': '5x' }

interface Answer {
  readonly response: {
    readonly allowed: boolean
    readonly patch?: string
    readonly status?: { readonly message: string }
  }
}

/** What the webhook answers to what a real API server once asked, and what the program says of a manifest: needs no cluster. */
export async function demoWithoutCluster(): Promise<void> {
  showStep('Start the webhook, with TLS, and ask it what an API server asked about the Flask app of examples/flask')
  await using cleanup = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-demo-'))
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true }))
  const made = await makeDevelopmentCertificates()
  await writeCertificates(folder, made)
  const webhook = await startWebhookProcess({ certificates: folder, ca: made.ca })
  cleanup.defer(() => webhook.stop())
  const [injecting] = webhookConfiguration({ url: webhook.url, ca: made.ca }).webhooks
  const url = injecting?.clientConfig.url ?? webhook.url
  const review = exampleReview()
  const { object } = review.request
  const { response } = await ask(url, made.ca, review)
  assert.ok(response.allowed && response.patch !== undefined)
  showText(`POST ${url}: allowed, with a JSON patch that makes this of the Deployment:`)
  const operations = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as Operation[]
  const patched = jsonPatch.applyPatch(object, operations, true, false).newDocument
  showDifference(asWritten(object), asWritten(patched))

  showStep('The same with a misspelt annotation: refused')
  const refused = await ask(url, made.ca, misspelt(review))
  assert.equal(refused.response.allowed, false)
  showText(refused.response.status?.message ?? '')

  showStep('What would become of a manifest, told without any cluster')
  const args = ['explain', '-f', MANIFEST]
  showCommand(args, 'migrate-io')
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}/src/main.ts`, ...args], {
    cwd: root,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  showText(stdout + stderr)
}

function misspelt(review: Review): Review {
  const { request: asked } = review
  const metadata = asked.object['metadata'] as JsonObject
  const annotations = { ...(metadata['annotations'] as JsonObject), ...MISSPELT }
  return { ...review, request: { ...asked, object: { ...asked.object, metadata: { ...metadata, annotations } } } }
}

async function ask(url: string, ca: string, review: Review): Promise<Answer> {
  const call = request(url, { ca, method: 'POST', headers: { 'content-type': 'application/json' } })
  call.end(JSON.stringify(review))
  const [response] = await once(call, 'response')
  return JSON.parse(await text(response)) as Answer
}
