import { readSettings } from '../injection/annotations.ts'
import type { Api } from '../kube/api.ts'
import type { Deployment, Pod, ReplicaSet } from '../kube/objects.ts'
import type { Key } from '../lock/key.ts'
import { projectReplicaSet } from '../lock/pod-projection.ts'
import { controllerOf } from '../lock/pod-state.ts'
import { readRecord } from '../lock/record.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { lockConfigMapName } from '../names.ts'

/**
 * Reads the objects that a lock is about. The ConfigMap first: each write of it is a compare-and-swap on what is read
 * here, so whatever is read after it is at least as new. Read the other way round, a controller that paused in between
 * could hand a record to a Deployment that is long gone.
 * @param pods from the watch: may be old
 */
export async function readSnapshot(api: Api, key: Key, pods: readonly Pod[]): Promise<Snapshot> {
  const { namespace, deployment: name } = key
  const configMap = await api.read('ConfigMap', namespace, lockConfigMapName(name))
  const deployment = await api.read('Deployment', namespace, name)
  const replicaSets = deployment === undefined ? [] : await readReplicaSets(api, deployment)
  const { lock, retries } = readSettings(deployment?.metadata.annotations).settings
  return {
    key,
    configMap,
    read: configMap === undefined ? undefined : readRecord(configMap),
    deployment,
    replicaSets,
    settings: { ...(lock === undefined ? {} : { lock }), ...(retries === undefined ? {} : { retries }) },
    pods: new Map(pods.map((pod) => [pod.metadata.name, { pod, isLive: false }])),
    named: undefined,
    markedForGood: new Set(),
  }
}

async function readReplicaSets(api: Api, { metadata, spec }: Deployment): Promise<readonly ReplicaSet[]> {
  const { namespace, uid } = metadata
  const labelSelector = Object.entries(spec.selector?.matchLabels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join()
  const selection = { namespace, ...(labelSelector === '' ? {} : { labelSelector }) }
  return await api.list('ReplicaSet', selection, (replicaSet) =>
    controllerOf(replicaSet.metadata, 'Deployment')?.uid === uid ? projectReplicaSet(replicaSet) : undefined,
  )
}
