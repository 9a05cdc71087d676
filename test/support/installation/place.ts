import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Answer, KubectlOptions, KubectlResult } from '../cluster/cluster.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { until } from '../until.ts'
import type { Deployment, Pod, ReplicaSet } from './deployment.ts'
import type { Installation } from './installation.ts'

export const LIMIT_MS = 30_000

export const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' }

/** A namespace of one test. */
export interface Place {
  readonly name: string
  /** kubectl in this namespace. */
  kubectl(args: string[], options?: KubectlOptions): Promise<KubectlResult>
  /** `kubectl <verb…> -f -` with this object. */
  send(verb: string, object: object, options?: Omit<KubectlOptions, 'input'>): Promise<KubectlResult>
  /** `kubectl replace`, which reads first and gives up when the controller has written in between; then again. */
  replace(object: object): Promise<void>
  create(object: object, query?: string): Promise<Answer<Deployment>>
  /** A JSON merge patch. */
  patch(name: string, change: object): Promise<Answer<Deployment>>
  deployment(name: string): Promise<Deployment>
  /** The Deployment's, oldest revision first, once its controller has seen the Deployment as it is. */
  replicaSets(name: string): Promise<ReplicaSet[]>
  /** A pod object of the Deployment, once there is one. */
  pod(name: string): Promise<Pod>
}

export interface PlaceOptions {
  /** Default: true. */
  optedIn?: boolean
  labels?: Record<string, string>
}

/** A name that no other run on the same cluster uses. */
export function scopeOf(file: string): string {
  return `${file}-${randomBytes(3).toString('hex')}`
}

export async function makePlace(
  cluster: SharedCluster,
  installation: Pick<Installation, 'labels'>,
  { optedIn = true, labels = {} }: PlaceOptions = {},
): Promise<Place> {
  return placeWith(cluster, { ...installation.labels(optedIn), ...labels })
}

/** A namespace that no installation of a test serves. */
export function makePlaceAlone(cluster: SharedCluster): Promise<Place> {
  return placeWith(cluster, {})
}

async function placeWith(cluster: SharedCluster, labels: Record<string, string>): Promise<Place> {
  const metadata = { generateName: 'e2e-', labels }
  const made = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', { metadata })
  assert.equal(made.status, 201)
  const { name } = made.body.metadata
  const base = `/apis/apps/v1/namespaces/${name}`
  const kubectl = (args: string[], options?: KubectlOptions) => cluster.kubectl(['-n', name, ...args], options)
  const deployment = async (which: string) => {
    const answer = await cluster.get<Deployment>(`${base}/deployments/${which}`)
    assert.equal(answer.status, 200, `Deployment ${which} exists`)
    return answer.body
  }
  const send: Place['send'] = (verb, object, options) =>
    kubectl([...verb.split(' '), '-f', '-'], { ...options, input: JSON.stringify(object) })
  return {
    name,
    kubectl,
    deployment,
    send,
    async replace(object) {
      const { code, stderr } = await until(
        'nobody else writes',
        () => send('replace', object, { allowFailure: true }),
        {
          limitMs: LIMIT_MS,
          accept: (result) => !result.stderr.includes('(Conflict)'),
        },
      )
      assert.equal(code, 0, stderr)
    },
    create: (object, query = '') => cluster.request('POST', `${base}/deployments${query}`, object),
    patch: (which, change) => cluster.request('PATCH', `${base}/deployments/${which}`, change, MERGE_PATCH),
    async replicaSets(which) {
      await until(`the controller has seen ${which}`, () => deployment(which), {
        limitMs: LIMIT_MS,
        accept: ({ metadata, status }) => status.observedGeneration === metadata.generation,
      })
      const { uid } = (await deployment(which)).metadata
      const { body } = await cluster.get<{ items: ReplicaSet[] }>(`${base}/replicasets`)
      return body.items
        .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid))
        .toSorted((a, b) => revision(a) - revision(b))
    },
    async pod(which) {
      const { spec } = await deployment(which)
      const selector = Object.entries(spec.selector.matchLabels).map(([key, value]) => `${key}=${value}`)
      const path = `/api/v1/namespaces/${name}/pods?labelSelector=${encodeURIComponent(selector.join(','))}`
      const { body } = await until(`${which} has a pod`, () => cluster.get<{ items: Pod[] }>(path), {
        limitMs: LIMIT_MS,
        accept: (seen) => seen.body.items.length > 0,
      })
      const [pod] = body.items
      assert.ok(pod)
      return pod
    },
  }
}

function revision({ metadata }: ReplicaSet): number {
  return Number(metadata.annotations?.['deployment.kubernetes.io/revision'])
}
