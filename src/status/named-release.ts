import type { Api } from '../kube/api.ts'
import type { Pod } from '../kube/objects.ts'
import type { Transport } from '../kube/transport.ts'
import { standing } from '../lock/fence.ts'
import { keyOf, recordNameOf } from '../lock/key.ts'
import { judgeByPod, judgeHolder, type NamedHolder, readNamedLock } from '../lock/named-lock.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { mayHave, type RecordRead, readRecord } from '../lock/record.ts'
import {
  DEPLOYMENT_RECORD,
  lockConfigMapName,
  namedLockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
} from '../names.ts'
import { span } from './age.ts'
import { graceSecondsOf } from './grace.ts'
import { foreign } from './lock-release.ts'
import { type Release, releaseOfPod } from './pod-release.ts'
import { readController } from './read-controller.ts'
import { readNode } from './read-node.ts'

export interface Ground {
  readonly transport: Transport
  readonly api: Api
}

/** A lock that Deployments share by `migrate.io/lock`. */
export interface NamedLock {
  readonly namespace: string
  readonly lock: string
}

/**
 * Reads a named lock, and says what a person may do about it. Its holder is judged as the controller judges it, by the own
 * record of its Deployment or by its pod, so it needs no Deployment, and never is another run taken for the holder's.
 * @param now milliseconds since 1970
 * @throws KubeError
 */
export async function readNamedRelease(ground: Ground, named: NamedLock, now: number): Promise<Release> {
  const { api, transport } = ground
  const { namespace, lock } = named
  const configMap = await api.read('ConfigMap', namespace, namedLockConfigMapName(lock))
  const read = configMap === undefined ? undefined : readNamedLock(configMap)
  if (read?.kind === 'foreign') return foreign(namedLockConfigMapName(lock), namespace)
  if (read?.kind !== 'lock') return readLost(api, named, read !== undefined)
  const { holder } = read
  if (holder === undefined) return { kind: 'free', says: [`The lock ${lock} is free.`] }

  const whose = holder.deployment === '' ? 'a Deployment that is gone' : `Deployment ${holder.deployment}`
  const found = await api.read('Pod', namespace, holder.pod)
  if (judgeHolder(holder, await readOwn(api, namespace, holder), found) === 'over')
    return {
      kind: 'free',
      says: [`The lock ${lock} is free: run ${holder.number} of ${whose}, which its ConfigMap names, is over.`],
    }
  const pod = found?.metadata.uid === holder.uid ? found : undefined
  const node = pod?.spec.nodeName
  return releaseOfPod({
    run: { pod: holder.pod, uid: holder.uid, number: holder.number, node, graceSeconds: graceSecondsOf(pod) },
    holds: `Pod ${holder.pod} holds the lock ${lock}, as run ${holder.number} of ${whose}, since ${span(now - Date.parse(holder.since))}.`,
    pod,
    node: node === undefined ? undefined : await readNode(transport, node),
    controller: await readController(ground, now),
    now,
  })
}

/** Whether this run does not hold the lock any more, which whoever is next may have by then. Throws KubeError. */
export async function hasLetGoOfNamed(
  api: Api,
  { namespace, lock }: NamedLock,
  run: Pick<NamedHolder, 'pod' | 'uid' | 'number'>,
): Promise<boolean> {
  const configMap = await api.read('ConfigMap', namespace, namedLockConfigMapName(lock))
  const read = configMap === undefined ? undefined : readNamedLock(configMap)
  const holder = read?.kind === 'lock' ? read.holder : undefined
  const isAnother = holder?.uid !== run.uid || holder.number !== run.number
  if (read?.kind === 'lock' && isAnother) return true
  const own = holder === undefined ? undefined : await readOwn(api, namespace, holder)
  return judgeHolder(run, own, await api.read('Pod', namespace, run.pod)) === 'over'
}

/** The lock and record of the holder's Deployment, which is gone with that. */
async function readOwn(api: Api, namespace: string, { deployment }: NamedHolder): Promise<RecordRead | undefined> {
  if (deployment === '') return undefined
  const record = await api.read('ConfigMap', namespace, lockConfigMapName(deployment))
  return record === undefined ? undefined : readRecord(record)
}

/** Missing or edited: whoever has it also has its own lock, with this one's name beside it, or its record is lost as well. */
async function readLost(api: Api, { namespace, lock }: NamedLock, isThere: boolean): Promise<Release> {
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  const records = await api.list(
    'ConfigMap',
    { namespace, labelSelector: `${RECORD_LABEL}=${DEPLOYMENT_RECORD}` },
    (configMap) => {
      const read = readRecord(configMap)
      return read.kind === 'record' ? { name: configMap.metadata.name, holder: read.record.holder } : undefined
    },
  )
  const known = new Set(records.map(({ name }) => name))
  const held = records.flatMap(({ holder }) => {
    const pod = pods.find(({ metadata }) => metadata.uid === holder?.uid)
    return pod !== undefined && holder !== undefined && mayHave(holder, lock) && judgeByPod(holder, pod) !== 'over'
      ? [pod]
      : []
  })
  const recordless = pods.filter((pod) => !known.has(recordNameOf(pod) ?? '') && standing(pod) === 'running')
  const holding = [...held, ...recordless]
  if (!isThere && holding.length === 0)
    return { kind: 'free', says: [`Nobody has ever held a lock ${lock} in namespace ${namespace}.`] }
  const what = isThere ? 'is not as migrate.io wrote it' : 'is missing'
  return {
    kind: 'wait',
    says: [
      `The ConfigMap of lock ${lock} ${what}: the controller settles it anew as soon as a Deployment needs it.`,
      ...(holding.length === 0 ? ['Until then it is not free.'] : holding.map((pod) => mayRun(pod))),
    ],
  }
}

function mayRun(pod: Pod): string {
  const { name, namespace } = pod.metadata
  const key = keyOf(pod)
  const see = key === undefined ? '' : `: see migrate-io unlock ${key.deployment} -n ${namespace}`
  return `It is not free: pod ${name} may be running a migration under it${see}`
}
