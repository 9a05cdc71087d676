import type { Json, JsonObject } from '../../../src/json.ts'

export const UID = '0f8a6c1e-4f0b-4a55-9d3b-0c1d3a1f7c2e'

/** An annotated Deployment like the article's; `metadata` and `spec` replace parts of it. */
export function deployment(metadata: JsonObject = {}, container: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'flask',
      namespace: 'shop',
      annotations: { 'migrate.io/command': 'flask db upgrade' },
      ...metadata,
    },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'flask' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: { labels: { app: 'flask' } },
        spec: { containers: [{ name: 'app', image: 'flask:1', ...container }] },
      },
    },
  }
}

/** The AdmissionReview that the API server sends for the creation of `object`; `request` replaces parts of it. */
export function review(object: Json, request: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: UID,
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
      name: 'flask',
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: { username: 'admin' },
      object,
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
      ...request,
    },
  }
}

/** A review of about that many bytes: one annotation is as long as it takes. */
export function reviewOfBytes(bytes: number): string {
  const bare = JSON.stringify(review(deployment({ annotations: { padding: '' } }))).length
  const text = JSON.stringify(review(deployment({ annotations: { padding: 'x'.repeat(bytes - bare) } })))
  return text
}
