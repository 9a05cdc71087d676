import { failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

/**
 * Deletes a pod, if it is still the one with this UID.
 * @param isForced takes the pod object away at once, whether or not its containers have ended; else its node is asked to
 * end them, and takes the object away when they have
 * @returns false where it is gone, or another pod has its name. Throws KubeError.
 */
export async function deletePod(
  transport: Transport,
  { namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string },
  isForced: boolean,
): Promise<boolean> {
  const request: Request = { verb: 'delete', kind: 'Pod', namespace, name }
  const body = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    preconditions: { uid },
    ...(isForced ? { gracePeriodSeconds: 0 } : {}),
  }
  const answer = await transport.send({ request, method: 'DELETE', path: pathOf('Pod', request), body })
  if (answer.status === 200 || answer.status === 202) return true
  if (answer.status === 404 || answer.status === 409) return false
  throw failure(request, answer)
}
