import type { Version } from './api.ts'
import { objectOf } from './object-of.ts'
import type { Deployment } from './objects.ts'
import { patch } from './patch.ts'
import type { Transport } from './transport.ts'

/** As `kubectl rollout restart` writes it. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
const FIELD_MANAGER = 'migrate-io-rerun' // not the controller's, by which its own writes are known

/**
 * Starts a rollout of a Deployment that changes nothing but its revision. A compare-and-swap: throws KubeError, with code
 * `conflict` when the Deployment is no longer as it was seen.
 * @param at in whole seconds: a second restart within one second changes nothing
 * @returns the Deployment as it is stored now, which admission may have changed further
 */
export async function restartDeployment(
  transport: Transport,
  { namespace, name, uid, resourceVersion }: Version,
  at: Date,
): Promise<Deployment> {
  const request = { verb: 'patch', kind: 'Deployment', namespace, name } as const
  const annotations = { [RESTARTED_AT]: at.toISOString().replace(/\.\d+Z$/, 'Z') }
  const body = { metadata: { uid, resourceVersion }, spec: { template: { metadata: { annotations } } } }
  return objectOf<Deployment>(request, await patch(transport, request, body, { fieldManager: FIELD_MANAGER }))
}
