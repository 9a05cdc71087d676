import { FIELD_MANAGER } from '../migration/names.ts'
import type { Version } from './api.ts'
import { failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

/**
 * Sets annotations of a Deployment through its status subresource; null takes one off. A webhook that asks for
 * `deployments` is not asked about that. A compare-and-swap: throws KubeError, with code `conflict` when the Deployment is no
 * longer as it was seen.
 */
export async function annotateDeploymentStatus(
  transport: Transport,
  { namespace, name, uid, resourceVersion }: Version,
  annotations: Readonly<Record<string, string | null>>,
): Promise<void> {
  const request: Request = { verb: 'patch', kind: 'Deployment', namespace, name, subresource: 'status' }
  const answer = await transport.send({
    request,
    method: 'PATCH',
    path: `${pathOf('Deployment', request)}?${new URLSearchParams({ fieldManager: FIELD_MANAGER })}`,
    body: { metadata: { uid, resourceVersion, annotations } },
    contentType: 'application/merge-patch+json',
  })
  if (answer.status !== 200) throw failure(request, answer)
}
