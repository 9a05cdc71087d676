import type { SharedCluster } from '../cluster/shared.ts'
import { until } from '../until.ts'

export const EFFECTIVE_LIMIT_MS = 30_000 // the API server follows a configuration within a second

/** Never stored. */
export const PROBE = {
  metadata: { name: 'probe', annotations: { 'migrate.io/command': 'true' } },
  spec: {
    selector: { matchLabels: { app: 'probe' } },
    template: {
      metadata: { labels: { app: 'probe' } },
      spec: { containers: [{ name: 'probe', image: 'probe:1' }] },
    },
  },
}

/** Returns when an annotated Deployment in the namespace is injected; or no longer. */
export async function untilServed(
  cluster: Pick<SharedCluster, 'request'>,
  namespace: string,
  optedIn: boolean,
): Promise<void> {
  const look = () => cluster.request('POST', probePath(namespace), PROBE)
  await until(`${namespace} is ${optedIn ? '' : 'not '}served`, look, {
    limitMs: EFFECTIVE_LIMIT_MS,
    accept: ({ status, body }) => status === 201 && JSON.stringify(body).includes('initContainers') === optedIn,
  })
}

export function probePath(namespace: string): string {
  return `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`
}
