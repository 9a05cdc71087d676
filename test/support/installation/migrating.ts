import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ContainerStatus, Pod } from '../../../src/kube/objects.ts'
import { formatNamedLock } from '../../../src/lock/named-lock.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../../../src/names.ts'
import type { SharedCluster } from '../cluster/shared.ts'
import { injected } from '../status/injected.ts'
import { recordMap } from '../status/record-map.ts'
import { until } from '../until.ts'
import { MERGE_PATCH } from './place.ts'

const LIMIT_MS = 30_000

/** A namespace in which a test plays webhook, kubelet and our controller, so that any situation can be made. */
export interface Scene {
  readonly namespace: string
  /** Stores an injected Deployment, and returns its pods once Kubernetes has made them. */
  deploy(name: string, options?: DeployOptions): Promise<readonly Pod[]>
  /** What kubelet would write about our init container. */
  tell(pod: Pod, status: Partial<ContainerStatus>, phase?: 'Pending' | 'Running' | 'Failed'): Promise<void>
  /** What our controller would write on a pod. */
  grant(pod: Pod, text: string): Promise<void>
  /** What our controller would write as lock and record of a Deployment. */
  record(name: string, options: Parameters<typeof recordMap>[1]): Promise<void>
  /** What our controller would write as the lock that Deployments share: the run of that number has it. */
  share(lock: string, pod: Pod, holder: { readonly number: number; readonly deployment: string }): Promise<void>
  /** Makes up a node, and puts the pod there. */
  bind(pod: Pod, ready: 'True' | 'Unknown'): Promise<string>
  /** What the node's lease, or the lack of it, makes of a node. */
  setReady(node: string, ready: 'True' | 'Unknown'): Promise<void>
  pods(name: string): Promise<readonly Pod[]>
  send(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<unknown>
}

type DeployOptions = Parameters<typeof injected>[1] & { readonly graceSeconds?: number }

export async function openScene(cluster: SharedCluster, labels: Record<string, string> = {}): Promise<Scene> {
  const namespace = `scene-${randomBytes(3).toString('hex')}`
  const send: Scene['send'] = async (method, path, body, headers) => {
    const answer = await cluster.request(method, path, body, headers)
    assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  await send('POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } })
  const apps = `/apis/apps/v1/namespaces/${namespace}`
  const core = `/api/v1/namespaces/${namespace}`
  const pods = async (name: string) => {
    const { body } = await cluster.get<{ items: Pod[] }>(`${core}/pods?labelSelector=app%3D${name}`)
    return body.items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  }
  const setReady: Scene['setReady'] = async (node, ready) => {
    const lastTransitionTime = new Date(Date.now() - 300_000).toISOString().replace(/\.\d+Z/, 'Z')
    const condition = { type: 'Ready', status: ready, reason: 'NodeStatusUnknown', message: '', lastTransitionTime }
    await send('PATCH', `/api/v1/nodes/${node}/status`, { status: { conditions: [condition] } }, MERGE_PATCH)
  }
  return {
    namespace,
    send,
    pods,
    setReady,
    async deploy(name, { graceSeconds, ...options } = {}) {
      const manifest = injected(name, options)
      if (graceSeconds !== undefined)
        Object.assign(manifest.spec.template.spec, { terminationGracePeriodSeconds: graceSeconds })
      await send('POST', `${apps}/deployments`, manifest)
      return until(`${name} has its pods`, () => pods(name), {
        limitMs: LIMIT_MS,
        accept: ({ length }) => length === manifest.spec.replicas,
      })
    },
    async tell({ metadata: { name } }, status, phase = 'Pending') {
      const ours = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0, ...status }
      const change = { status: { phase, initContainerStatuses: [ours] } }
      await send('PATCH', `${core}/pods/${name}/status`, change, MERGE_PATCH)
    },
    async grant({ metadata: { name } }, text) {
      const change = { metadata: { annotations: { 'migrate.io/grant': text } } }
      await send('PATCH', `${core}/pods/${name}/status`, change, MERGE_PATCH)
    },
    async record(name, options) {
      const { body } = await cluster.get<Pod>(`${apps}/deployments/${name}`)
      const configMap = recordMap(body, options)
      await cluster.request('DELETE', `${core}/configmaps/${lockConfigMapName(name)}`)
      await send('POST', `${core}/configmaps?fieldManager=migrate-io`, configMap)
    },
    async share(lock, { metadata: { name: pod, uid } }, holder) {
      const since = new Date(Date.now() - 60_000).toISOString()
      await send('POST', `${core}/configmaps?fieldManager=migrate-io`, {
        metadata: { name: namedLockConfigMapName(lock), labels: { 'migrate.io/record': 'lock' } },
        data: formatNamedLock(1, { pod, uid, since, deploymentUid: 'x', ...holder }),
      })
    },
    async bind({ metadata: { name } }, ready) {
      const node = `node-${randomBytes(3).toString('hex')}`
      await send('POST', '/api/v1/nodes', { metadata: { name: node } })
      await setReady(node, ready)
      const target = { apiVersion: 'v1', kind: 'Node', name: node }
      await send('POST', `${core}/pods/${name}/binding`, { metadata: { name }, target })
      return node
    },
  }
}

export function revisionOf({ metadata }: Pod): string {
  return metadata.labels?.['pod-template-hash'] ?? ''
}

/** The wrapper, or by now the command, runs. */
export function running(): Partial<ContainerStatus> {
  return { state: { running: { startedAt: new Date(Date.now() - 30_000).toISOString().replace(/\.\d+Z/, 'Z') } } }
}
