import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { stringify } from 'yaml'
import type { ConfigMap, Pod, ReplicaSet } from '../../../src/kube/objects.ts'
import { replicaSetOf } from '../controller/objects.ts'
import { answer, FakeApiServer, refuse, type Seen } from '../kube/fake-api-server.ts'
import { injected } from '../status/injected.ts'

/** What one Deployment web of namespace shop has at a moment. */
export interface Stage {
  readonly replicaSets?: readonly ReplicaSet[]
  readonly pods?: readonly Pod[]
  readonly configMaps?: readonly ConfigMap[]
  /** Of the Deployment. */
  readonly status?: object
  /** Of the Deployment's rollout. */
  readonly rollout?: string
}

/** All its pods run, and its ConfigMap is gone. */
export const RECORD_LOST: Stage = {
  replicaSets: [replicaSetOf()],
  status: { replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
}

export interface FakeCluster {
  readonly server: FakeApiServer
  readonly options: readonly string[]
}

/**
 * An API server with a namespace shop, for moments that a real one shows at no time one can choose.
 * @param stage what it holds now
 * @param onLog answers for the log of a pod
 */
export async function fakeCluster(
  t: TestContext,
  stage: () => Stage | 'away',
  onLog: (response: ServerResponse, seen: Seen) => void = (response) => refuse(response, 400),
): Promise<FakeCluster> {
  const server = await FakeApiServer.start(t, (response, seen) => {
    const now = stage()
    if (now === 'away') return refuse(response, 503)
    const { pathname } = seen.url
    if (pathname.endsWith('/log')) return onLog(response, seen)
    const name = pathname.split('/').at(-1) ?? ''
    const list = (kind: string, items: readonly unknown[]) =>
      answer(response, 200, { kind: `${kind}List`, metadata: { resourceVersion: '1' }, items })
    if (name === 'deployments') return list('Deployment', [deployment(now)])
    if (name === 'replicasets') return list('PartialObjectMetadata', now.replicaSets ?? [])
    if (name === 'pods') return list('Pod', now.pods ?? [])
    if (name === 'configmaps') return list('ConfigMap', now.configMaps ?? [])
    if (pathname.includes('/namespaces/') && pathname.split('/').at(-2) !== 'namespaces')
      return refuse(response, 404, { reason: 'NotFound', details: { name } })
    return refuse(response, 403)
  })
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-cli-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, stringify(kubeconfigOf(server.target.cluster.server)))
  return { server, options: ['--kubeconfig', kubeconfig, '-n', 'shop'] }
}

function deployment({ rollout = '1', status = {} }: Stage) {
  const manifest = injected('web')
  const annotations = { ...manifest.metadata.annotations, 'deployment.kubernetes.io/revision': rollout }
  const { metadata } = manifest
  return {
    ...manifest,
    metadata: { ...metadata, annotations, namespace: 'shop', uid: 'uid of web', resourceVersion: '5', generation: 2 },
    status: { observedGeneration: 2, ...status },
  }
}

function kubeconfigOf(server: string) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: {} }],
  }
}
