import { readFileSync } from 'node:fs'
import type { Json, JsonObject } from '../../src/json.ts'

export const REVIEW_FILE = new URL('review.json', import.meta.url)

// What P1 asks of the review: a real one of an ordinary Deployment, with managedFields; the upper limit by ADR 12.
const MIN_BYTES = 12 * 1024
const MAX_BYTES = 24 * 1024

export interface Review extends JsonObject {
  readonly request: ReviewRequest
}

export interface ReviewRequest extends JsonObject {
  readonly uid: string
  readonly operation: string
  readonly object: JsonObject
  readonly oldObject: JsonObject | null
}

/** The recorded UPDATE as it goes over the wire. Throws if it isn't what P1 asks for. */
export function recordedReview(): { readonly review: Review; readonly body: string } {
  const review = JSON.parse(readFileSync(REVIEW_FILE, 'utf8')) as Review
  const body = JSON.stringify(review)
  const bytes = Buffer.byteLength(body)
  if (bytes < MIN_BYTES || bytes > MAX_BYTES) {
    throw new Error(`test/bench/review.json has ${bytes} bytes on the wire; ${MIN_BYTES} to ${MAX_BYTES} are wanted`)
  }
  if (review.request.operation !== 'UPDATE') throw new Error('test/bench/review.json is not an UPDATE')
  for (const name of ['object', 'oldObject'] as const) {
    const managed = at(review.request[name], ['metadata', 'managedFields'])
    if (!Array.isArray(managed) || managed.length === 0) {
      throw new Error(`test/bench/review.json has no managedFields in its ${name}`)
    }
  }
  return { review, body }
}

/** The review that an API server sends for `object`, and for what it replaces. */
export function reviewOf(object: JsonObject, oldObject: JsonObject | null): Review {
  const metadata = object['metadata'] as JsonObject
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '5d0c6a9e-4f0b-4a55-9d3b-0c1d3a1f7c2e',
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
      requestKind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      requestResource: { group: 'apps', version: 'v1', resource: 'deployments' },
      name: metadata['name'] ?? '',
      namespace: metadata['namespace'] ?? '',
      operation: oldObject === null ? 'CREATE' : 'UPDATE',
      userInfo: {
        username: 'kubernetes-admin',
        groups: ['kubeadm:cluster-admins', 'system:authenticated'],
        extra: {
          'authentication.kubernetes.io/credential-id': [
            'X509SHA256=8b1c3f0d6f2f4b7f0c9e4d1a5b7e2c6f8a9d0e1f2c3b4a5968778695a4b3c2d1',
          ],
        },
      },
      object,
      oldObject,
      dryRun: false,
      options: {
        kind: oldObject === null ? 'CreateOptions' : 'PatchOptions',
        apiVersion: 'meta.k8s.io/v1',
        fieldManager: oldObject === null ? 'kubectl-client-side-apply' : 'kubectl-set',
        fieldValidation: 'Strict',
      },
    },
  }
}

/** The value at a path, or undefined where the path leads nowhere. */
export function at(value: Json | undefined, path: readonly (string | number)[]): Json | undefined {
  let here = value
  for (const key of path) {
    if (here === null || typeof here !== 'object') return undefined
    here = (here as { readonly [key: string | number]: Json })[key]
  }
  return here
}
