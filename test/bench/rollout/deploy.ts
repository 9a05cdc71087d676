import type { Pod } from '../../../src/kube/objects.ts'
import type { Deployment } from '../../support/installation/deployment.ts'
import { until } from '../../support/until.ts'
import { deploymentOf, jobOf } from './manifests.ts'
import type { Stage } from './stage.ts'
import type { VariantName } from './variants.ts'

const STRATEGIC_PATCH = { 'content-type': 'application/strategic-merge-patch+json' }
const LOOK_MS = 200 // the time that is taken is the API server's, so a late look costs nothing
const LIMIT_MS = 120_000 // a Job's pod, or 30 pods that go away

/** One Deployment of a variant. */
export interface Subject {
  readonly variant: VariantName
  readonly name: string
  readonly replicas: number
  readonly seconds: number
}

/** What one variant does with the cluster. All of it throws where the API server refuses or nothing comes of it. */
export function deployer({ cluster, namespace, image }: Stage) {
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const jobs = `/apis/batch/v1/namespaces/${namespace}/jobs`
  const pods = `/api/v1/namespaces/${namespace}/pods`

  const send = async <T>(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<T> => {
    const answer = await cluster.request<T>(method, path, body, headers)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const podsOf = async (name: string) =>
    (await send<{ items: Pod[] }>('GET', `${pods}?labelSelector=app%3D${name}`)).items

  return {
    /** @returns the generation that this made */
    async create({ variant, ...subject }: Subject): Promise<number> {
      const manifest = deploymentOf(variant, { ...subject, image })
      return (await send<Deployment>('POST', deployments, manifest)).metadata.generation
    },
    /** As `kubectl rollout restart`. @returns the generation that this made */
    async restart({ name }: Subject): Promise<number> {
      const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
      const change = { spec: { template: { metadata: { annotations } } } }
      return (await send<Deployment>('PATCH', `${deployments}/${name}`, change, STRATEGIC_PATCH)).metadata.generation
    },
    /** Returns when it has succeeded. */
    async runJob(name: string, { seconds }: Subject): Promise<void> {
      await send('POST', jobs, jobOf({ name, image, seconds }))
      const look = () => send<{ status: { succeeded?: number } }>('GET', `${jobs}/${name}`)
      const accept = ({ status }: { status: { succeeded?: number } }) => status.succeeded === 1
      await until(`Job ${name} has succeeded`, look, { limitMs: LIMIT_MS, intervalMs: LOOK_MS, accept })
      await send('DELETE', `${jobs}/${name}?propagationPolicy=Background`)
    },
    /** Returns the pods when there are so many, all of them for good. */
    untilSettled: (name: string, replicas: number): Promise<Pod[]> =>
      until(`${name} has ${replicas} pods`, () => podsOf(name), {
        limitMs: LIMIT_MS,
        intervalMs: LOOK_MS,
        accept: (seen) => seen.length === replicas && seen.every(({ metadata }) => !metadata.deletionTimestamp),
      }),
    /** What the init container wrote, each line after its time. */
    logOf: (pod: string, container: string): Promise<string> =>
      send<string>('GET', `${pods}/${pod}/log?container=${container}&timestamps=true`),
    remove: (name: string): Promise<unknown> => send('DELETE', `${deployments}/${name}`),
  }
}
