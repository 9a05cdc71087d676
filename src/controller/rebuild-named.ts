import type { Api } from '../kube/api.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import { newConfigMap, rewritten } from '../lock/config-map.ts'
import { standing } from '../lock/fence.ts'
import { decidedNumber, formatGrant, grantOf, MAX_RUN_NUMBER, marksOff } from '../lock/grant.ts'
import { type Key, recordNameOf } from '../lock/key.ts'
import type { NamedState } from '../lock/named-lock.ts'
import { formatNamedLock, judgeByPod, type NamedHolder } from '../lock/named-lock.ts'
import { projectPod, projectRecord } from '../lock/pod-projection.ts'
import { spokenNumber } from '../lock/pod-state.ts'
import { BLANK, type Holder, mayHave, readRecord } from '../lock/record.ts'
import {
  DEPLOYMENT_RECORD,
  GRANT_ANNOTATION,
  NAMED_LOCK_RECORD,
  namedLockConfigMapName,
  PROTOCOL,
  PROTOCOL_LABEL,
  RECORD_LABEL,
} from '../names.ts'

/**
 * Makes a named lock whose ConfigMap is missing or was edited: whoever has it also has its own lock, with this one's
 * name beside it, or that its name is unknown, which counts as each. Undecided ones give up their numbers, so that none can be
 * granted by a controller that paused. Where the
 * record of some pod's Deployment is lost as well, a pod that may be running may have this lock too: that is waited for.
 * @returns false where it has to wait, else it is to be read again
 * @throws KubeError, with code `conflict` where something changed meanwhile
 */
export async function rebuildNamed(
  api: Api,
  { namespace, deployment: own }: Key,
  lock: string,
  { lost, now }: { lost: Extract<NamedState, { kind: 'lost' }>; now: number },
): Promise<boolean> {
  const name = namedLockConfigMapName(lock)
  if (lost.configMap === undefined) {
    // Blank first, for the same reason as in `makeAnew`.
    await api.create('ConfigMap', { ...newConfigMap(namespace, name, NAMED_LOCK_RECORD), data: BLANK })
    return true
  }
  // In any phase: one whose app ran before may be in phase Running while its init container is about to start again.
  const pods = await api.list('Pod', { namespace, labelSelector: `${PROTOCOL_LABEL}=${PROTOCOL}` }, projectPod)
  // Of a record that somebody edited nothing counts here.
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
  if (recordless.some((pod) => standing(pod) === 'running')) return false
  for (const pod of recordless) await forbid(api, pod)

  const holders: NamedHolder[] = []
  let undecided: NamedHolder | undefined
  for (const record of records) {
    const holder = await holderOf(api, record, { namespace, lock })
    if (holder?.hold === 'held') holders.push(holder)
    if (holder?.hold !== 'open') continue
    if (holder.deployment === own) undecided = holder
    else if (holder.found !== undefined) await tellToWait(api, holder.found, holder.number)
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
async function forbid(api: Api, pod: Pod): Promise<void> {
  const seen = Math.max(decidedNumber(grantOf(pod)), spokenNumber(pod))
  if (standing(pod) === 'tell' && seen < MAX_RUN_NUMBER) await tellToWait(api, pod, seen + 1)
}

/** Of a Deployment's record, what a named lock rests on. */
interface OwnRecord extends ConfigMap {
  readonly holder: Holder | undefined
}

interface Found extends NamedHolder {
  readonly hold: ReturnType<typeof judgeByPod>
  readonly found: Pod | undefined
}

async function holderOf(
  api: Api,
  { metadata, holder }: OwnRecord,
  { namespace, lock }: { namespace: string; lock: string },
): Promise<Found | undefined> {
  if (holder === undefined || !mayHave(holder, lock)) return undefined
  const { pod, uid, number, since } = holder
  const found = await api.read('Pod', namespace, pod)
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === 'Deployment')
  return {
    ...{ pod, uid, number, since, found },
    deployment: owner?.name ?? '',
    deploymentUid: owner?.uid ?? '',
    hold: judgeByPod({ uid, number }, found),
  }
}

async function tellToWait(api: Api, pod: Pod, number: number): Promise<void> {
  const text = formatGrant({ kind: 'wait', number })
  await api.annotatePod(pod.metadata, { [GRANT_ANNOTATION]: text, ...marksOff(pod) })
}
