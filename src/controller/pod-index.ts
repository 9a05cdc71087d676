import type { Pod } from '../kube/objects.ts'
import { type Key, keyOf, keyText } from '../lock/key.ts'
import { controllerOf } from '../lock/pod-state.ts'
import type { View } from './reconcile-context.ts'

/** The watched pods by the lock that they are about. What it holds is bounded by what is watched. */
export class PodIndex implements View {
  readonly #byKey = new Map<string, Map<string, Pod>>()
  /** Under which key each is, by UID: labels and owners may change. */
  readonly #keys = new Map<string, string>()
  /** Deployments of ReplicaSets whose name was cut off, by the ReplicaSet's UID, as long as pods of it are watched. */
  readonly #deployments = new Map<string, string>()

  pods(key: Key): readonly Pod[] {
    return [...(this.#byKey.get(keyText(key))?.values() ?? [])]
  }

  keys(): readonly string[] {
    return [...this.#byKey.keys()]
  }

  /** @returns the key of the lock; undefined where `know` must come first */
  put(pod: Pod): string | undefined {
    const { uid } = pod.metadata
    const key = this.keyOf(pod)
    if (this.#keys.get(uid) !== key) this.#forget(uid)
    if (key === undefined) return undefined
    const pods = this.#byKey.get(key) ?? new Map<string, Pod>()
    this.#byKey.set(key, pods.set(uid, pod))
    this.#keys.set(uid, key)
    return key
  }

  /** @returns the key of the lock that it was about */
  remove(pod: Pod): string | undefined {
    const key = this.#forget(pod.metadata.uid) ?? this.keyOf(pod)
    const replicaSet = replicaSetOf(pod)
    if (!this.#deployments.has(replicaSet)) return key
    const others = this.#byKey.get(key ?? '')?.values() ?? []
    if (![...others].some((other) => replicaSetOf(other) === replicaSet)) this.#deployments.delete(replicaSet)
    return key
  }

  /** Notes which Deployment owns a ReplicaSet whose pods don't show it. Before these are put. */
  know(replicaSetUid: string, deployment: string): void {
    this.#deployments.set(replicaSetUid, deployment)
  }

  keyOf(pod: Pod): string | undefined {
    const key = keyOf(pod)
    if (key !== undefined) return keyText(key)
    const deployment = this.#deployments.get(replicaSetOf(pod))
    return deployment === undefined ? undefined : keyText({ namespace: pod.metadata.namespace, deployment })
  }

  #forget(uid: string): string | undefined {
    const key = this.#keys.get(uid)
    if (key === undefined) return undefined
    this.#keys.delete(uid)
    const pods = this.#byKey.get(key)
    pods?.delete(uid)
    if (pods?.size === 0) this.#byKey.delete(key)
    return key
  }
}

/** The UID of its ReplicaSet; empty where it has none. */
export function replicaSetOf(pod: Pod): string {
  return controllerOf(pod.metadata, 'ReplicaSet')?.uid ?? ''
}
