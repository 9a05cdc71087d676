import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { createApi } from '../../../src/kube/client.ts'
import { type KubeTarget, loadKube } from '../../../src/kube/load.ts'
import { connect } from '../../../src/kube/transport.ts'
import type { SharedCluster } from '../cluster/shared.ts'

/** A namespace of the test's own, the API as our client offers it, and what it takes to make pods without a node. */
export async function place(t: TestContext, cluster: SharedCluster, { through }: { through?: number } = {}) {
  const namespace = `kube-${randomBytes(4).toString('hex')}`
  await cluster.request('POST', '/api/v1/namespaces', { metadata: { name: namespace } })
  t.after(() => cluster.request('DELETE', `/api/v1/namespaces/${namespace}`))
  const target = await targetOf(cluster, through)
  const transport = await connect(target)
  t.after(() => transport.close())
  return { namespace, transport, api: createApi(transport), makePod: podMaker(cluster, namespace) }
}

/** The cluster, reached by another port of this machine where one is given. */
export async function targetOf(cluster: Pick<SharedCluster, 'kubeconfig'>, port?: number): Promise<KubeTarget> {
  const target = await loadKube({ kubeconfig: cluster.kubeconfig, env: {} })
  if (port === undefined) return target
  return { ...target, cluster: { ...target.cluster, server: `https://127.0.0.1:${port}` } }
}

/** Pods as we watch them: with the label, and pending, as there is no node. */
export function podMaker(cluster: Pick<SharedCluster, 'request'>, namespace: string) {
  return async (name: string) => {
    const { status, body } = await cluster.request('POST', `/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, labels: { 'migrate.io/protocol': '1' } },
      spec: { containers: [{ name: 'app', image: 'app:1' }], automountServiceAccountToken: false },
    })
    if (status !== 201) throw new Error(`creating pod ${name}: ${status} ${JSON.stringify(body)}`)
  }
}
