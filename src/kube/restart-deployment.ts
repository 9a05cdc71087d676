import { patch } from './patch.ts'
import type { Transport } from './transport.ts'

/** As `kubectl rollout restart` writes it. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
const FIELD_MANAGER = 'migrate-io-rerun' // not the controller's, by which its own writes are known

/** Starts a rollout of a Deployment that changes nothing but its revision. Throws KubeError. */
export async function restartDeployment(
  transport: Transport,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  at: Date,
): Promise<void> {
  const request = { verb: 'patch', kind: 'Deployment', namespace, name } as const
  const annotations = { [RESTARTED_AT]: at.toISOString().replace(/\.\d+Z$/, 'Z') }
  await patch(
    transport,
    request,
    { spec: { template: { metadata: { annotations } } } },
    { fieldManager: FIELD_MANAGER },
  )
}
