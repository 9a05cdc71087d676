import type { Api } from '../kube/api.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import { lockConfigMapName, NAMED_LOCK_RECORD, namedLockConfigMapName, RECORD_LABEL } from '../names.ts'
import { originOf } from './config-map.ts'
import { decisionOn, grantOf, MAX_RUN_NUMBER } from './grant.ts'
import { type Key, keyText } from './key.ts'
import { endOf } from './pod-state.ts'
import { type Holder, isName, parseCount, parseObject, type RecordRead, readRecord, writtenByOthers } from './record.ts'
import { COURTESY_MS, type Waiters } from './waiters.ts'

/** Which run, of which Deployment, has a lock that several Deployments share. */
export interface NamedHolder {
  readonly pod: string
  readonly uid: string
  readonly number: number
  readonly deployment: string
  readonly deploymentUid: string
  readonly since: string
}

export type NamedRead =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'edited'; readonly turn: number }
  /** `turn` counts the times it was given out. */
  | { readonly kind: 'lock'; readonly turn: number; readonly holder: NamedHolder | undefined; readonly freeAt: number }

/** With the turn and the time: never twice the same text, so that the API server notes who wrote it last. */
const FREE = /^free since turn (\d{1,15}), (\S+)$/

/** Reads the ConfigMap of a named lock. */
export function readNamedLock(configMap: ConfigMap): NamedRead {
  if (configMap.metadata.labels?.[RECORD_LABEL] !== NAMED_LOCK_RECORD) return { kind: 'foreign' }
  const { turn: turnText = '', holder: text = '' } = configMap.data ?? {}
  const turn = parseCount(turnText) ?? 0
  if (turn === 0 || originOf(configMap) === 'copy') return { kind: 'edited', turn }
  if (writtenByOthers(configMap.metadata, ['turn', 'holder']).length > 0) return { kind: 'edited', turn }
  const [, freeTurn, time = ''] = FREE.exec(text) ?? []
  if (freeTurn === turnText) return { kind: 'lock', turn, holder: undefined, freeAt: Date.parse(time) || 0 }
  const holder = parseNamedHolder(text)
  return holder === undefined ? { kind: 'edited', turn } : { kind: 'lock', turn, holder, freeAt: 0 }
}

/** The data of a lock's ConfigMap, with the turn in the text of the holder too. @param freeAt milliseconds since 1970 */
export function formatNamedLock(turn: number, holder: NamedHolder | { readonly freeAt: number }) {
  if ('freeAt' in holder)
    return { turn: String(turn), holder: `free since turn ${turn}, ${new Date(holder.freeAt).toISOString()}` }
  const { pod, uid, number, deployment, deploymentUid, since } = holder
  return { turn: String(turn), holder: JSON.stringify({ pod, uid, number, deployment, deploymentUid, since, turn }) }
}

function parseNamedHolder(text: string): NamedHolder | undefined {
  const { pod, uid, number, deployment, deploymentUid, since } = parseObject(text) ?? {}
  if (!isName(pod) || !isName(uid) || !isName(deployment)) return undefined
  if (!isName(deploymentUid) || !isName(since) || typeof number !== 'number') return undefined
  if (!Number.isInteger(number) || number < 1 || number > MAX_RUN_NUMBER) return undefined
  return { pod, uid, number, deployment, deploymentUid, since }
}

/** A named lock as one Deployment sees it. */
export type NamedState =
  | { readonly kind: 'foreign'; readonly name: string }
  /** Missing or edited: which run may have it is found out from the records and pods of the namespace. */
  | { readonly kind: 'lost'; readonly configMap: ConfigMap | undefined; readonly turn: number }
  /** `isKeptUntil`: for another one that has waited longer; milliseconds since 1970. */
  | {
      readonly kind: 'free'
      readonly configMap: ConfigMap
      readonly turn: number
      readonly isKeptUntil: number | undefined
    }
  | { readonly kind: 'busy'; readonly configMap: ConfigMap; readonly isOurs: boolean }
  /** Its holder's record is lost before its number was decided on the pod. */
  | { readonly kind: 'open'; readonly pod: Pod; readonly number: number }

/** Which Deployment asks for a named lock. */
interface NamedLockRequest {
  readonly key: Key
  /** The own lock's holder, where it is held. */
  readonly holder: Holder | undefined
  readonly waiters: Waiters
  readonly now: number
}

/**
 * Reads a named lock and judges its holder. The lock's ConfigMap is read first: each write of it is a compare-and-swap on what is
 * read here, so whatever it is judged by is at least as new.
 */
export async function readNamedState(
  api: Api,
  lock: string,
  { key, holder: own, waiters, now }: NamedLockRequest,
): Promise<NamedState> {
  const { namespace } = key
  const name = namedLockConfigMapName(lock)
  const configMap = await api.read('ConfigMap', namespace, name)
  if (configMap === undefined) return { kind: 'lost', configMap, turn: 0 }
  const read = readNamedLock(configMap)
  if (read.kind === 'foreign') return { kind: 'foreign', name }
  const { turn } = read
  if (read.kind === 'edited') return { kind: 'lost', configMap, turn }
  const { holder } = read
  if (holder === undefined) {
    const isNext = waiters.isNext(lockText(namespace, lock), keyText(key)) || now - read.freeAt > COURTESY_MS
    return {
      kind: 'free',
      configMap,
      turn,
      isKeptUntil: isNext ? undefined : Math.min(read.freeAt, now) + COURTESY_MS + 1,
    }
  }
  if (own !== undefined && holder.uid === own.uid && holder.number === own.number)
    return { kind: 'busy', configMap, isOurs: true }

  const record = await api.read('ConfigMap', namespace, lockConfigMapName(holder.deployment))
  const recordRead = record === undefined ? undefined : readRecord(record)
  const pod = recordRead?.kind === 'record' ? undefined : await api.read('Pod', namespace, holder.pod)
  const hold = judgeHolder(holder, recordRead, pod)
  if (hold === 'held') return { kind: 'busy', configMap, isOurs: false }
  if (hold === 'open' && pod !== undefined) return { kind: 'open', pod, number: holder.number }
  return { kind: 'free', configMap, turn, isKeptUntil: undefined }
}

/** Whether a run that has a named lock may still go on. `open`: it is undecided, and `wait n` on its pod would decide it. */
export type Hold = 'held' | 'over' | 'open'

/**
 * Judges the holder of a named lock: by its Deployment's own record, which it had before and lets go first, or by its
 * pod where that record is lost.
 * @param pod as read just now; undefined where it is gone
 */
export function judgeHolder(
  { uid, number }: Pick<NamedHolder, 'uid' | 'number'>,
  own: RecordRead | undefined,
  pod: Pod | undefined,
): Hold {
  if (own?.kind === 'record') {
    const { holder } = own.record
    return holder?.uid === uid && holder.number === number ? 'held' : 'over'
  }
  return judgeByPod({ uid, number }, pod)
}

/** The same by the pod alone: whether its number was granted, and that run is over. */
export function judgeByPod({ uid, number }: Pick<NamedHolder, 'uid' | 'number'>, pod: Pod | undefined): Hold {
  if (pod?.metadata.uid !== uid) return 'over'
  const decision = decisionOn(number, grantOf(pod))
  if (decision !== 'run') return decision === 'never' ? 'over' : 'open'
  const end = endOf(pod, number)
  if (end.kind === 'unknown') return 'held'
  // Perhaps unused by now, and then a new sandbox of the same pod could still use it.
  return end.kind === 'unrecorded' ? 'open' : 'over'
}

/** One lock's name in the memory of a controller, which serves all namespaces. */
export function lockText(namespace: string, lock: string): string {
  return `${namespace}/${lock}`
}
