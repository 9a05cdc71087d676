import { type Api, KubeError } from '../kube/api.ts'
import type { ConfigMap, Deployment, Pod } from '../kube/objects.ts'
import { deploymentOwnerOf, isOrphaned, newConfigMap, originOf, ownedBy, rewritten } from '../lock/config-map.ts'
import type { Decision } from '../lock/decide.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Fence, fenceStateOf, isOfLock, planFence } from '../lock/fence.ts'
import { decidedNumber, grantOf, MAX_RUN_NUMBER, marksOff, type RunGrant } from '../lock/grant.ts'
import { type Key, keyOfRecord, recordNameOf } from '../lock/key.ts'
import { formatNamedLock, type Hold, judgeByPod, type NamedHolder, type NamedState } from '../lock/named-lock.ts'
import { describeSuccess } from '../lock/outcome.ts'
import { projectPod, projectRecord } from '../lock/pod-projection.ts'
import { endOf, highestNumberOf, revisionOfPod, succeededRun } from '../lock/pod-state.ts'
import {
  BLANK,
  formatRecord,
  type Holder,
  type LockRecord,
  mayHave,
  readRecord,
  UNKNOWN_LOCK,
  withCompleted,
} from '../lock/record.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import {
  DEPLOYMENT_RECORD,
  lockConfigMapName,
  NAMED_LOCK_RECORD,
  namedLockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
} from '../names.ts'
import { writeWait } from './write-pod.ts'

/** How often a pod that changes meanwhile is read again, before all is read again. */
const MAX_TRIES = 5

/**
 * Recovers a lock whose ConfigMap was just created or was edited. Who holds it is found out from the pods, and each of
 * them on which something could still be decided is told to wait, which no controller can then turn round: one that
 * chose such a pod before the loss compares with an older state of the pod, or finds no record of its choice.
 *
 * A missing ConfigMap is created blank first. Otherwise a controller that paused between listing the pods and the
 * creation could not tell that meanwhile another one had created it and given out a run, and that it was deleted again.
 * @throws KubeError, with code `conflict` where something changed meanwhile
 */
export async function recoverLock(
  api: Api,
  snapshot: Snapshot,
  { deployment, configMap }: Extract<Decision, { kind: 'recover' }>,
  now: number,
): Promise<ControllerEvent> {
  const { key, replicaSets } = snapshot
  const { namespace } = key
  const labelSelector = `${PROTOCOL_LABEL}=${PROTOCOL}`
  const found = await api.list('Pod', { namespace, labelSelector }, projectPod)
  const pods = found.filter((pod) => isOfLock(pod, key, replicaSets))
  const fence = planFence(pods, replicaSets, configMap)
  for (const pod of fence.undecided) await fencePod(api, pod, fence.number)
  for (const pod of fence.marked) await api.annotatePod(pod.metadata, marksOff(pod))

  const record: LockRecord = {
    number: fence.number,
    holder: recoveredHolder(fence, now),
    entries: recoveredEntries(fence, snapshot, deployment),
  }
  const metadata = { ...configMap.metadata, ownerReferences: ownedBy(deployment) }
  await api.replace('ConfigMap', rewritten({ ...configMap, metadata }, formatRecord(record)))
  const isCopy = originOf(configMap) === 'copy'
  const why = isCopy ? 'copied' : configMap.data?.['holder'] === BLANK.holder ? 'missing' : 'edited'
  return { kind: 'made-anew', configMap: configMap.metadata.name, why }
}

/** Tells a pod to wait, as often as it changes meanwhile without a run. */
async function fencePod(api: Api, listed: Pod, number: number): Promise<void> {
  let pod: Pod | undefined = listed
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      await writeWait(api, pod, number)
      return
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'conflict') throw error
      pod = await api.read('Pod', pod.metadata.namespace, pod.metadata.name)
      if (pod === undefined || pod.metadata.uid !== listed.metadata.uid) return
      // It ended, or runs: that changes the whole plan.
      if (fenceStateOf(pod) !== 'undecided' || decidedNumber(grantOf(pod)) >= number) break
    }
  }
  throw new KubeError('conflict', `pod ${listed.metadata.name} changed while its lock was being rebuilt`)
}

function recoveredHolder({ running: [pod], number: settled }: Fence, now: number): Holder | undefined {
  const grant = pod === undefined ? undefined : grantOf(pod)
  if (pod === undefined || grant?.kind !== 'run') return undefined
  return { ...holderByGrant(pod, grant, now), settled }
}

/** Who holds a lock by the word of its pod alone: all that a run was granted stands there, and nowhere else any more. */
export function holderByGrant(pod: Pod, { number, lock }: RunGrant, now: number): Holder {
  return {
    pod: pod.metadata.name,
    uid: pod.metadata.uid,
    revision: revisionOfPod(pod),
    number,
    since: new Date(now).toISOString(),
    lock: lock ?? UNKNOWN_LOCK,
  }
}

function recoveredEntries(
  { succeeded }: Fence,
  { read, configMap }: Snapshot,
  { metadata }: Deployment,
): LockRecord['entries'] {
  const isKept =
    read?.kind === 'edited' &&
    configMap !== undefined &&
    (isOrphaned(configMap) || deploymentOwnerOf(configMap)?.uid === metadata.uid)
  let entries = isKept ? read.entries : {}
  for (const pod of succeeded) {
    const number = succeededRun(pod) ?? 0
    const end = endOf(pod, number)
    if (end.kind !== 'success') continue
    entries = withCompleted(entries, revisionOfPod(pod), describeSuccess(pod, number, end, undefined))
  }
  return entries
}

/** Creates the record blank, so that the next step recovers it. @throws KubeError, with code `conflict` where there is one by now */
export async function createBlank(
  api: Api,
  { namespace, deployment: name }: Key,
  deployment: Deployment,
): Promise<void> {
  const { metadata } = newConfigMap(namespace, lockConfigMapName(name), DEPLOYMENT_RECORD)
  await api.create('ConfigMap', { metadata: { ...metadata, ownerReferences: ownedBy(deployment) }, data: BLANK })
}

/**
 * Recovers a named lock whose ConfigMap is missing or was edited: the run that has it also has its own Deployment's lock, and
 * that record names this lock, or says that the name is unknown, which counts as each. Undecided runs give up their numbers, so
 * that none can be granted by a controller that paused. Where the record of some pod's Deployment is lost as well, a pod that may
 * be running may have this lock too: that is waited for.
 * @returns false where it has to wait, else it is to be read again
 * @throws KubeError, with code `conflict` where something changed meanwhile
 */
export async function recoverNamedLock(
  api: Api,
  { namespace, deployment: own }: Key,
  lock: string,
  { lost, now }: { lost: Extract<NamedState, { kind: 'lost' }>; now: number },
): Promise<boolean> {
  const name = namedLockConfigMapName(lock)
  if (lost.configMap === undefined) {
    // Blank first, for the same reason as in `recoverLock`.
    await api.create('ConfigMap', { ...newConfigMap(namespace, name, NAMED_LOCK_RECORD), data: BLANK })
    return true
  }
  // In any phase: one whose app ran before may be in phase Running while its init container is about to start again.
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  // Of a record that was edited nothing counts here.
  const records = await api.list(
    'ConfigMap',
    { namespace, labelSelector: `${RECORD_LABEL}=${DEPLOYMENT_RECORD}` },
    (configMap): OwnRecord | undefined => {
      const read = readRecord(configMap)
      return read.kind === 'record' ? { ...projectRecord(configMap), holder: read.record.holder } : undefined
    },
  )
  const known = new Set(records.map(({ metadata }) => metadata.name))
  const recordless = pods.filter((pod) => !known.has(recordNameOf(pod) ?? ''))
  if (recordless.some((pod) => fenceStateOf(pod) === 'running')) return false
  for (const pod of recordless) await fenceRecordless(api, pod)

  const holders: NamedHolder[] = []
  let undecided: NamedHolder | undefined
  for (const record of records) {
    const holder = await namedHolderOf(api, record, { namespace, lock })
    if (holder?.hold === 'held') holders.push(holder)
    if (holder?.hold !== 'open') continue
    if (holder.deployment === own) undecided = holder
    else if (holder.found !== undefined) await writeWait(api, holder.found, holder.number)
  }
  // Another controller may be about to grant our own undecided number: then it has the lock.
  const holder = holders[0] ?? undecided
  if (holders.length > 1) return false
  const turn = lost.turn + 1
  const data = formatNamedLock(turn, holder ?? { freeAt: now })
  await api.replace('ConfigMap', rewritten(lost.configMap, data))
  return true
}

/** A controller that chose this pod before its record was lost finds it changed, and can't grant what it gave out. */
async function fenceRecordless(api: Api, pod: Pod): Promise<void> {
  const highest = highestNumberOf(pod)
  if (fenceStateOf(pod) === 'undecided' && highest < MAX_RUN_NUMBER) await writeWait(api, pod, highest + 1)
}

/** Of a Deployment's record, what a named lock rests on. */
interface OwnRecord extends ConfigMap {
  readonly holder: Holder | undefined
}

/** A run that may have a named lock, by its own record. */
interface JudgedHolder extends NamedHolder {
  readonly hold: Hold
  /** Its pod as read just now. */
  readonly found: Pod | undefined
}

async function namedHolderOf(
  api: Api,
  record: OwnRecord,
  { namespace, lock }: { namespace: string; lock: string },
): Promise<JudgedHolder | undefined> {
  const { holder } = record
  if (holder === undefined || !mayHave(holder, lock)) return undefined
  const { pod, uid, number, since } = holder
  const found = await api.read('Pod', namespace, pod)
  const owner = deploymentOwnerOf(record)
  return {
    ...{ pod, uid, number, since, found },
    deployment: owner?.name ?? '',
    deploymentUid: owner?.uid ?? '',
    // Its record names it as holder, whether or not it was granted: only the pod shows that.
    hold: judgeByPod({ uid, number }, found),
  }
}

/**
 * Locks that are held, or may be: to be reconciled when a controller starts, since the run may have ended while none
 * watched.
 * @throws KubeError
 */
export async function heldLocks(api: Api): Promise<readonly Key[]> {
  return await api.list('ConfigMap', { labelSelector: `${RECORD_LABEL}=${DEPLOYMENT_RECORD}` }, (configMap) =>
    isHeld(configMap) ? keyOfRecord(configMap.metadata) : undefined,
  )
}

function isHeld(configMap: ConfigMap): boolean {
  const read = readRecord(configMap)
  return read.kind === 'record' ? read.record.holder !== undefined : read.kind === 'edited'
}
