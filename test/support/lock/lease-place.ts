import type { NodeCluster } from '../cluster/node/cluster.ts'

/**
 * A namespace for one controller's Lease alone, so that it leads at once: beside others, or after one that was killed and
 * whose Lease has not lapsed.
 */
export async function makeLeasePlace(cluster: Pick<NodeCluster, 'request'>): Promise<string> {
  const metadata = { generateName: 'lease-' }
  const { status, body } = await cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', {
    metadata,
  })
  if (status !== 201) throw new Error(`a namespace for a Lease: ${status} ${JSON.stringify(body)}`)
  return body.metadata.name
}
