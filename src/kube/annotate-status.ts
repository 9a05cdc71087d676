import { FIELD_MANAGER } from '../names.ts'
import type { Version } from './api.ts'
import { patch } from './patch.ts'
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
  const request = { verb: 'patch', kind: 'Deployment', namespace, name, subresource: 'status' } as const
  await patch(transport, request, { metadata: { uid, resourceVersion, annotations } }, { fieldManager: FIELD_MANAGER })
}
