import { until } from '../../until.ts'
import type { Cluster } from '../cluster.ts'

const LIMIT_MS = 120_000

interface NodeObject {
  status?: { conditions?: { type: string; status: string; lastHeartbeatTime: string }[] }
}

/** Returns when the API server has the node as ready, by what its kubelet reported after the given time. */
export async function nodeReady(cluster: Pick<Cluster, 'get'>, name: string, since: Date): Promise<void> {
  const sinceSecond = Math.floor(since.getTime() / 1000) * 1000 // the API's times have no fractions
  const look = async () => {
    const { body } = await cluster.get<NodeObject>(`/api/v1/nodes/${name}`)
    return body.status?.conditions?.find(({ type }) => type === 'Ready')
  }
  await until(`${name} is ready`, look, {
    limitMs: LIMIT_MS,
    accept: (seen) => seen?.status === 'True' && Date.parse(seen.lastHeartbeatTime) >= sinceSecond,
  })
}
