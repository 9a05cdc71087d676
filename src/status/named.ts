import type { NamedState } from '../lock/named-lock.ts'
import { judgeHolder } from '../lock/named-lock.ts'
import type { Holder } from '../lock/record.ts'
import { lockConfigMapName, namedLockConfigMapName } from '../names.ts'
import type { NamedFacts } from './situation.ts'
import type { View } from './view.ts'

/** A named lock as one Deployment sees it, by what was surveyed: the same judgement as the controller's `readNamed`. */
export function namedFacts(view: View, lock: string, namespace: string, own: Holder | undefined): NamedFacts {
  const { configMap, named: read } = view.configMap(namespace, namedLockConfigMapName(lock)) ?? {}
  const holder = read?.kind === 'lock' ? read.holder : undefined
  const isOurs = holder !== undefined && holder.uid === own?.uid && holder.number === own.number
  const state = stateOf()
  const { deployment, pod, since } = holder ?? {}
  const isOthers = state.kind === 'busy' && !isOurs && deployment !== undefined
  return {
    lock,
    state,
    holder: isOthers && pod !== undefined && since !== undefined ? { deployment, pod, since } : undefined,
  }

  function stateOf(): NamedState {
    if (configMap === undefined || read === undefined) return { kind: 'lost', configMap: undefined, turn: 0 }
    if (read.kind === 'foreign') return { kind: 'foreign', name: configMap.metadata.name }
    if (read.kind === 'edited') return { kind: 'lost', configMap, turn: read.turn }
    if (holder === undefined) return { kind: 'free', configMap, turn: read.turn, isKeptUntil: undefined }
    if (isOurs) return { kind: 'busy', configMap, isOurs: true }
    const record = view.configMap(namespace, lockConfigMapName(holder.deployment))?.read
    const pod = view.pod(namespace, holder.pod)?.pod
    const hold = judgeHolder(holder, record, pod)
    if (hold === 'held') return { kind: 'busy', configMap, isOurs: false }
    if (hold === 'open' && pod !== undefined) return { kind: 'open', pod, number: holder.number }
    return { kind: 'free', configMap, turn: read.turn, isKeptUntil: undefined }
  }
}
