import type { Version } from './api.ts'
import { failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

/**
 * Deletes a ConfigMap, if it is still as it was seen.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/#DeleteOptions (preconditions)
 *
 * @returns false where it has changed or gone meanwhile. Throws KubeError.
 */
export async function removeConfigMap(transport: Transport, seen: Version): Promise<boolean> {
  const { namespace, name, uid, resourceVersion } = seen
  const request: Request = { verb: 'delete', kind: 'ConfigMap', namespace, name }
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } }
  const answer = await transport.send({ request, method: 'DELETE', path: pathOf('ConfigMap', request), body })
  if (answer.status === 200 || answer.status === 202) return true
  const error = failure(request, answer)
  if (error.code === 'conflict') return false
  throw error
}
