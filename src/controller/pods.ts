import type { Pod } from '../kube/objects.ts'
import { type Key, keyOf, keyText } from './key.ts'
import { controllerOf } from './rollout.ts'
import type { View } from './surroundings.ts'

/** The watched pods by the lock that they are about. */
export class Pods implements View {
  readonly #byKey = new Map<string, Map<string, Pod>>()
  /** Deployments of ReplicaSets whose name was cut off, by the ReplicaSet's UID. */
  readonly #deployments = new Map<string, string>()

  pods(key: Key): readonly Pod[] {
    return [...(this.#byKey.get(keyText(key))?.values() ?? [])]
  }

  keys(): readonly string[] {
    return [...this.#byKey.keys()]
  }

  /** @returns the key of the lock; undefined where `know` has to tell first */
  put(pod: Pod): string | undefined {
    const key = this.keyOf(pod)
    if (key === undefined) return undefined
    const pods = this.#byKey.get(key) ?? new Map<string, Pod>()
    this.#byKey.set(key, pods.set(pod.metadata.uid, pod))
    return key
  }

  remove(pod: Pod): string | undefined {
    const key = this.keyOf(pod)
    if (key === undefined) return undefined
    const pods = this.#byKey.get(key)
    pods?.delete(pod.metadata.uid)
    if (pods?.size === 0) this.#byKey.delete(key)
    return key
  }

  /** Notes which Deployment a ReplicaSet belongs to, where its pods don't tell. */
  know(replicaSetUid: string, deployment: string): void {
    this.#deployments.set(replicaSetUid, deployment)
  }

  keyOf(pod: Pod): string | undefined {
    const key = keyOf(pod)
    if (key !== undefined) return keyText(key)
    const deployment = this.#deployments.get(controllerOf(pod.metadata, 'ReplicaSet')?.uid ?? '')
    return deployment === undefined ? undefined : keyText({ namespace: pod.metadata.namespace, deployment })
  }
}
