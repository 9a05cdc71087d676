import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import jsonPatch, { type Operation } from 'fast-json-patch'
import type { JsonObject } from '../../src/json.ts'
import { FILES_VOLUME, INIT_CONTAINER, INJECTED_ANNOTATION, PROTOCOL_LABEL, STATE_VOLUME } from '../../src/names.ts'
import type { Certificates } from './certificates.ts'
import { FLASK, withMount } from './deployment.ts'
import { at, type Review, reviewOf } from './review.ts'
import type { Server } from './servers.ts'

const POD = ['spec', 'template', 'spec']
const COPIED = ['image', 'env', 'resources', 'securityContext'] as const

/** What a server answered to the benchmark's review. */
export interface Golden {
  readonly patchBytes: number
  readonly operations: number
}

/**
 * Throws where a server does not do the work that is measured. The baseline has to allow only; the others have to inject the
 * article's Deployment, to leave what they injected as it is, and to give an injected one that has a new image the same image
 * in its init container.
 */
export async function checkAnswers(server: Server, update: Review, certificates: Certificates): Promise<Golden> {
  const ask = async (review: Review) => await answerOf(server, review, certificates)
  const answered = await ask(update)
  const golden = { patchBytes: answered.bytes, operations: answered.patch.length }
  if (server.name === 'baseline') return golden

  const mounted = withMount(FLASK)
  const created = patched(mounted, (await ask(reviewOf(mounted, null))).patch)
  checkInjected(created, `${server.name}, CREATE`)
  assert(
    names(at(migrationOf(created), ['volumeMounts'])).includes('tmp'),
    `${server.name}: the app's mounts are missing`,
  )
  const again = patched(created, (await ask(reviewOf(created, null))).patch)
  assert.deepEqual(again, created, `${server.name}: injecting twice is not injecting once`)

  const updated = patched(update.request.object, answered.patch)
  checkInjected(updated, `${server.name}, UPDATE`)
  assert.notEqual(
    at(updated, [...POD, 'initContainers', 0, 'image']),
    at(update.request.oldObject ?? {}, [...POD, 'initContainers', 0, 'image']),
    'the review does not change the image',
  )
  return golden
}

/** The wrapper as a server injects it into the article's Deployment. */
export async function injectedScript(server: Server, certificates: Certificates): Promise<string> {
  return scriptOf(patched(FLASK, (await answerOf(server, reviewOf(FLASK, null), certificates)).patch))
}

/** The wrapper in an injected Deployment. */
export function scriptOf(deployment: JsonObject): string {
  const script = at(migrationOf(deployment), ['command', 2])
  assert(typeof script === 'string', 'the init container has no script')
  return script
}

function checkInjected(deployment: JsonObject, what: string): void {
  const migration = migrationOf(deployment)
  const app = at(deployment, [...POD, 'containers', 0])
  for (const field of COPIED)
    assert.deepEqual(at(migration, [field]), at(app, [field]), `${what}: the init container's ${field}`)
  const mounts = at(migration, ['volumeMounts'])
  const volumes = at(deployment, [...POD, 'volumes'])
  for (const name of [FILES_VOLUME, STATE_VOLUME]) {
    assert(names(mounts).includes(name) && names(volumes).includes(name), `${what}: no volume or mount ${name}`)
  }
  assert.equal(at(deployment, ['spec', 'template', 'metadata', 'labels', PROTOCOL_LABEL]), '1', `${what}: the label`)
  assert.ok(at(deployment, ['metadata', 'annotations', INJECTED_ANNOTATION]), `${what}: the annotation`)
  const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }
  assert.deepEqual(at(deployment, ['spec', 'strategy']), rolling, `${what}: the strategy`)
}

function migrationOf(deployment: JsonObject): JsonObject {
  const containers = at(deployment, [...POD, 'initContainers'])
  const found = Array.isArray(containers)
    ? containers.filter((container) => at(container, ['name']) === INIT_CONTAINER)
    : []
  assert.equal(found.length, 1, `${found.length} init containers ${INIT_CONTAINER}`)
  return found[0] as JsonObject
}

function names(list: ReturnType<typeof at>): unknown[] {
  return Array.isArray(list) ? list.map((element) => at(element, ['name'])) : []
}

function patched(object: JsonObject, patch: readonly Operation[]): JsonObject {
  return jsonPatch.applyPatch(structuredClone(object), patch, true).newDocument
}

interface Answer {
  readonly patch: readonly Operation[]
  readonly bytes: number
}

interface ReviewResponse {
  readonly uid?: string
  readonly allowed?: boolean
  readonly patchType?: string
  readonly patch?: string
}

async function answerOf(server: Server, review: Review, certificates: Certificates): Promise<Answer> {
  const { status, text } = await post(
    `https://${server.address}/mutate?timeout=5s`,
    JSON.stringify(review),
    certificates,
  )
  assert.equal(status, 200, `${server.name} answered ${status}: ${text.slice(0, 500)}`)
  const { response } = JSON.parse(text) as { response?: ReviewResponse }
  assert.equal(response?.allowed, true, `${server.name} answered ${text.slice(0, 500)}`)
  assert.equal(response.uid, review.request.uid, `${server.name} answered another uid`)
  if (response.patch === undefined) return { patch: [], bytes: 0 }
  assert.equal(response.patchType, 'JSONPatch', `${server.name}: patchType`)
  const patch = Buffer.from(response.patch, 'base64')
  return { patch: JSON.parse(patch.toString()) as Operation[], bytes: patch.length }
}

async function post(
  url: string,
  body: string,
  certificates: Certificates,
): Promise<{ status: number | undefined; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; text: string }>()
  const agent = new Agent({ ca: readFileSync(certificates.ca) })
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const call = request(url, { method: 'POST', agent, headers }, async (response) => {
    try {
      resolve({ status: response.statusCode, text: Buffer.concat(await Array.fromAsync(response)).toString() })
    } catch (error) {
      reject(error)
    }
  })
  call.once('error', reject)
  call.end(body)
  return await promise
}
