import type { Api } from '../../../src/kube/api.ts'
import { KubeError } from '../../../src/kube/api.ts'
import type { Lease } from '../../../src/kube/objects.ts'

export type LeaseApi = Pick<Api, 'read' | 'create' | 'replace'>

/** One Lease with compare-and-swap, and what can go wrong on the way to it. */
export class FakeLeases {
  stored: Lease | undefined
  #version = 0

  /** The API as one candidate sees it. */
  seenBy(fault: () => 'none' | 'fails' | 'hangs' | 'answer lost' = () => 'none'): LeaseApi {
    const through = async <T>(carryOut: () => T): Promise<T> => {
      const now = fault()
      if (now === 'hangs') return new Promise<never>(() => {})
      if (now === 'fails') throw new KubeError('unavailable', 'the API server is away')
      const result = carryOut()
      if (now === 'answer lost') throw new KubeError('unavailable', 'the connection was reset')
      return structuredClone(result)
    }
    const api = {
      read: () => through(() => this.stored),
      create: (_kind: string, lease: Lease) =>
        through(() => {
          if (this.stored) throw new KubeError('conflict', 'exists')
          return this.#write(lease)
        }),
      replace: (_kind: string, lease: Lease) =>
        through(() => {
          if (this.stored?.metadata.resourceVersion !== lease.metadata.resourceVersion)
            throw new KubeError('conflict', 'modified')
          return this.#write(lease)
        }),
    }
    return api as LeaseApi
  }

  #write(lease: Lease): Lease {
    this.stored = structuredClone({
      ...lease,
      metadata: { ...lease.metadata, uid: 'uid', resourceVersion: String(++this.#version) },
    })
    return this.stored
  }
}
