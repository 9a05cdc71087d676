import type { Api } from '../kube/api.ts'
import { KubeError } from '../kube/api.ts'
import type { Deployment, Pod } from '../kube/objects.ts'
import { newConfigMap, originOf, ownedBy, rewritten } from '../lock/config-map.ts'
import type { Decision } from '../lock/decide.ts'
import type { ControllerEvent } from '../lock/event.ts'
import { type Fence, isOfLock, planFence, standing } from '../lock/fence.ts'
import { decidedNumber, formatGrant, grantOf, marksOff, type RunGrant } from '../lock/grant.ts'
import type { Key } from '../lock/key.ts'
import { describeSuccess } from '../lock/outcome.ts'
import { projectPod } from '../lock/pod-projection.ts'
import { endOf, revisionOfPod, succeededRun } from '../lock/pod-state.ts'
import { BLANK, formatRecord, type Holder, type LockRecord, UNKNOWN_LOCK, withCompleted } from '../lock/record.ts'
import type { Snapshot } from '../lock/snapshot.ts'
import { DEPLOYMENT_RECORD, GRANT_ANNOTATION, lockConfigMapName, PROTOCOL, PROTOCOL_LABEL } from '../names.ts'

/** How often a pod that changes meanwhile is read again, before all is read again. */
const MAX_TRIES = 5

/**
 * Settles a lock whose ConfigMap was just created or was edited. Who holds it is found out from the pods, and each of
 * them on which something could still be decided is told to wait, which no controller can then turn round: whichever
 * chose one of them before the loss compares with an older state of the pod, or finds no record of its choice.
 *
 * A missing ConfigMap is created blank first. Otherwise a controller that paused between its look at the pods and the
 * creation could not tell that meanwhile another one had created it and given out a run, and somebody deleted it again.
 * @throws KubeError, with code `conflict` where something changed meanwhile
 */
export async function makeAnew(
  api: Api,
  snapshot: Snapshot,
  { deployment, configMap }: Extract<Decision, { kind: 'make-anew' }>,
  now: number,
): Promise<ControllerEvent> {
  const { key, replicaSets } = snapshot
  const { namespace } = key
  const labelSelector = `${PROTOCOL_LABEL}=${PROTOCOL}`
  const found = await api.list('Pod', { namespace, labelSelector }, projectPod)
  const pods = found.filter((pod) => isOfLock(pod, key, replicaSets))
  const fence = planFence(pods, replicaSets, configMap)
  for (const pod of fence.toTell) await tell(api, pod, fence.number)
  for (const pod of fence.marked) await api.annotatePod(pod.metadata, marksOff(pod))

  const record: LockRecord = {
    number: fence.number,
    holder: holderOf(fence, now),
    entries: entriesOf(fence, snapshot, deployment),
  }
  const metadata = { ...configMap.metadata, ownerReferences: ownedBy(deployment) }
  await api.replace('ConfigMap', rewritten({ ...configMap, metadata }, formatRecord(record)))
  const isCopy = originOf(configMap) === 'copy'
  const why = isCopy ? 'copied' : configMap.data?.['holder'] === BLANK.holder ? 'missing' : 'edited'
  return { kind: 'made-anew', configMap: configMap.metadata.name, why }
}

/** @throws KubeError, with code `conflict` where there is one by now */
export async function createBlank(
  api: Api,
  { namespace, deployment: name }: Key,
  deployment: Deployment,
): Promise<void> {
  const { metadata } = newConfigMap(namespace, lockConfigMapName(name), DEPLOYMENT_RECORD)
  await api.create('ConfigMap', { metadata: { ...metadata, ownerReferences: ownedBy(deployment) }, data: BLANK })
}

async function tell(api: Api, listed: Pod, number: number): Promise<void> {
  let pod: Pod | undefined = listed
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      const text = formatGrant({ kind: 'wait', number })
      await api.annotatePod(pod.metadata, { [GRANT_ANNOTATION]: text, ...marksOff(pod) })
      return
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'conflict') throw error
      pod = await api.read('Pod', pod.metadata.namespace, pod.metadata.name)
      if (pod === undefined || pod.metadata.uid !== listed.metadata.uid) return
      // It ended, or runs: that changes the whole plan.
      if (standing(pod) !== 'tell' || decidedNumber(grantOf(pod)) >= number) break
    }
  }
  throw new KubeError('conflict', `pod ${listed.metadata.name} changed while its lock was made anew`)
}

function holderOf({ running: [pod], number: settled }: Fence, now: number): Holder | undefined {
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

function entriesOf(
  { succeeded }: Fence,
  { read, configMap }: Snapshot,
  { metadata }: Deployment,
): LockRecord['entries'] {
  const owner = configMap?.metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment')?.uid
  const isOrphan = owner === undefined && configMap !== undefined && originOf(configMap) === 'original'
  const isKept = read?.kind === 'edited' && (isOrphan || owner === metadata.uid)
  let entries = isKept ? read.entries : {}
  for (const pod of succeeded) {
    const number = succeededRun(pod) ?? 0
    const end = endOf(pod, number)
    if (end.kind !== 'success') continue
    entries = withCompleted(entries, revisionOfPod(pod), describeSuccess(pod, number, end, undefined))
  }
  return entries
}
