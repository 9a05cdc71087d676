import type { Api } from '../kube/api.ts'
import type { ConfigMap, Pod } from '../kube/objects.ts'
import { type Key, keyText } from '../lock/key.ts'
import { judgeHolder, readNamedLock } from '../lock/named-lock.ts'
import { type Holder, readRecord } from '../lock/record.ts'
import { COURTESY_MS, type Turns } from '../lock/waiters.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../names.ts'

/** A named lock as one Deployment sees it. */
export type NamedState =
  | { readonly kind: 'foreign'; readonly name: string }
  /** Missing or edited: whoever may have it is found out from the records and pods of the namespace. */
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

export interface Asking {
  readonly key: Key
  /** The own lock's holder, where it is held. */
  readonly holder: Holder | undefined
  readonly turns: Turns
  readonly now: number
}

/** Reads a named lock and judges its holder. The lock's ConfigMap is read first: see `readSnapshot`. */
export async function readNamed(api: Api, lock: string, { key, holder: own, turns, now }: Asking): Promise<NamedState> {
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
    const isNext = turns.isNext(lockText(namespace, lock), keyText(key)) || now - read.freeAt > COURTESY_MS
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

/** One lock's name in the memory of a controller, which serves all namespaces. */
export function lockText(namespace: string, lock: string): string {
  return `${namespace}/${lock}`
}
