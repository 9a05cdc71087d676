import type { JsonObject } from '../../src/json.ts'

const IMAGE = 'docker.io/project/my-flask-app'

export const OLD_IMAGE = `${IMAGE}:1.41.0`
export const NEW_IMAGE = `${IMAGE}:1.42.0`

/** A mount that the app has, for whoever wants to see that it is copied; it would make the review longer than P1 allows. */
export function withMount(deployment: JsonObject): JsonObject {
  const text = JSON.stringify(deployment)
  const mounted = text.replace(
    '"name":"flask","image"',
    '"name":"flask","volumeMounts":[{"name":"tmp","mountPath":"/tmp"}],"image"',
  )
  return JSON.parse(mounted.replace('"containers"', '"volumes":[{"name":"tmp","emptyDir":{}}],"containers"'))
}

/** What people write of the article's Flask Deployment in production, with `migrate.io/command`. */
export const FLASK: JsonObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'flask',
    namespace: 'shop',
    labels: { app: 'flask' },
    annotations: { 'migrate.io/command': 'flask db upgrade' },
  },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: 'flask' } },
    template: {
      metadata: { labels: { app: 'flask' } },
      spec: {
        containers: [
          {
            name: 'flask',
            image: OLD_IMAGE,
            ports: [{ containerPort: 5000 }],
            env: [{ name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'flask', key: 'database-url' } } }],
            resources: { limits: { memory: '512Mi' } },
          },
        ],
        securityContext: { runAsNonRoot: true },
      },
    },
  },
}
