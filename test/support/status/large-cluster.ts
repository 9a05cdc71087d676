import assert from 'node:assert/strict'
import type { Cluster } from '../cluster/cluster.ts'
import { MERGE_PATCH } from '../installation/place.ts'
import { injected } from './injected.ts'
import { recordMap } from './record-map.ts'

export const DEPLOYMENTS = 2_000
/** Every fourth is. */
export const INJECTED_EACH = 4
/** Of the injected ones, those whose rollout is under way. */
export const ROLLING_EACH = 10
const PODS_EACH = 5
const OLD_REPLICA_SETS = 3
const AT_A_TIME = 40

/** Makes all objects as Kubernetes, kubelet and our controller would, none of which runs. */
export async function fill(cluster: Cluster): Promise<void> {
  await each(DEPLOYMENTS, (nth) => makeDeployment(cluster, nth))
}

async function makeDeployment(cluster: Cluster, nth: number): Promise<void> {
  const name = `shop-${nth}`
  const isInjected = nth % INJECTED_EACH === 0
  const isRolling = isInjected && (nth / INJECTED_EACH) % ROLLING_EACH === 0
  const apps = '/apis/apps/v1/namespaces/default'
  const manifest = injected(name, { replicas: PODS_EACH, isBare: !isInjected })
  const made = await send(cluster, 'POST', `${apps}/deployments`, {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, ...rollout(OLD_REPLICA_SETS) } },
  })
  const status = { observedGeneration: made.metadata.generation }
  await send(cluster, 'PATCH', `${apps}/deployments/${name}/status`, { status }, MERGE_PATCH)
  const { template } = manifest.spec
  const owner = ownerOf('Deployment', made)
  let newest: Made = made
  for (let revision = 1; revision <= OLD_REPLICA_SETS; revision++) {
    const hash = { 'pod-template-hash': `7c9d${revision}` }
    const labels = { ...template.metadata.labels, ...hash }
    newest = await send(cluster, 'POST', `${apps}/replicasets`, {
      metadata: { name: `${name}-7c9d${revision}`, labels, annotations: rollout(revision), ownerReferences: [owner] },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    })
  }
  let runner: Made | undefined
  for (let pod = 0; pod < PODS_EACH; pod++) {
    const labels = { ...template.metadata.labels, 'pod-template-hash': `7c9d${OLD_REPLICA_SETS}` }
    const podMade = await send(cluster, 'POST', '/api/v1/namespaces/default/pods', {
      metadata: {
        name: `${name}-7c9d${OLD_REPLICA_SETS}-${pod}`,
        labels,
        annotations: pod === 0 ? { 'migrate.io/grant': 'run 4' } : {},
        ownerReferences: [ownerOf('ReplicaSet', newest)],
      },
      spec: { ...template.spec, automountServiceAccountToken: false },
    })
    runner ??= podMade
    const ours = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0 }
    const running = { ...ours, state: { running: { startedAt: new Date().toISOString() } } }
    const podStatus = isRolling ? { phase: 'Pending', initContainerStatuses: [running] } : { phase: 'Running' }
    await send(
      cluster,
      'PATCH',
      `/api/v1/namespaces/default/pods/${podMade.metadata.name}/status`,
      { status: podStatus },
      MERGE_PATCH,
    )
  }
  if (!isInjected || runner === undefined) return
  const configMap = recordMap(made, {
    number: 4,
    completed: isRolling ? [] : [`7c9d${OLD_REPLICA_SETS}`],
    holder: isRolling
      ? { pod: runner.metadata.name, uid: runner.metadata.uid, revision: `7c9d${OLD_REPLICA_SETS}` }
      : undefined,
  })
  await send(cluster, 'POST', '/api/v1/namespaces/default/configmaps?fieldManager=migrate-io', configMap)
}

interface Made {
  readonly metadata: { readonly name: string; readonly uid: string; readonly generation: number }
}

async function send(cluster: Cluster, method: string, path: string, body: object, headers = {}): Promise<Made> {
  const answer = await cluster.request<Made>(method, path, body, headers)
  assert.ok(answer.status < 300, JSON.stringify(answer.body))
  return answer.body
}

function ownerOf(kind: string, { metadata: { name, uid } }: Made) {
  return { apiVersion: 'apps/v1', kind, name, uid, controller: true }
}

function rollout(revision: number): Record<string, string> {
  return { 'deployment.kubernetes.io/revision': String(revision) }
}

async function each(count: number, work: (nth: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
}
