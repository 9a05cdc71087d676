import type { Cluster } from '../cluster/cluster.ts'
import { until } from '../until.ts'

const LIMIT_MS = 60_000

/** What comes and goes by itself. */
const PASSING = /^(events|events\.events\.k8s\.io|ipaddresses\.networking\.k8s\.io)$/

/** Every object in the cluster, as `Kind namespace/name`. */
export async function everything({ kubectl }: Pick<Cluster, 'kubectl'>): Promise<string[]> {
  const { stdout } = await kubectl(['api-resources', '--verbs=list', '-o', 'name'])
  const resources = stdout.split('\n').filter((name) => name !== '' && !PASSING.test(name))
  const path = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
  const list = await kubectl(['get', resources.join(','), '-A', '-o', `jsonpath=${path}`])
  return list.stdout.split('\n').filter(Boolean).toSorted()
}

/** Returns when there is just what there was before. */
export async function assertSameAs(cluster: Pick<Cluster, 'kubectl'>, before: readonly string[]): Promise<void> {
  const look = async () => {
    const now = await everything(cluster)
    return now.filter((each) => !before.includes(each)).concat(before.filter((each) => !now.includes(each)))
  }
  await until('everything is as before', look, { limitMs: LIMIT_MS, accept: ({ length }) => length === 0 })
}
