import { failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

export interface RemoveOptions {
  /** What it must still be: of this UID, and where that is given in this state. */
  readonly preconditions: { readonly uid: string; readonly resourceVersion?: string }
  /**
   * 0: a pod object goes at once, whether or not its containers have ended. Left out: as the object says, which may be 0.
   * One in phase Failed or Succeeded, or without a node, goes at once whatever is said here.
   */
  readonly gracePeriodSeconds?: number
}

/**
 * Deletes a pod or a ConfigMap, if it is still as it was seen. A pod's node is asked to end it, and takes the object away.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/#DeleteOptions (preconditions)
 *
 * @returns false where it has changed or gone meanwhile. Throws KubeError.
 */
export async function removeObject(
  transport: Transport,
  kind: 'ConfigMap' | 'Pod',
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: RemoveOptions,
): Promise<boolean> {
  const request: Request = { verb: 'delete', kind, namespace, name }
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
  const answer = await transport.send({ request, method: 'DELETE', path: pathOf(kind, request), body })
  if (answer.status === 200 || answer.status === 202) return true
  const error = failure(request, answer)
  if (error.code === 'conflict') return false
  throw error
}
