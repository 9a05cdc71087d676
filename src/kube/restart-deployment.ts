import { failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
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
  const request: Request = { verb: 'patch', kind: 'Deployment', namespace, name }
  const annotations = { [RESTARTED_AT]: at.toISOString().replace(/\.\d+Z$/, 'Z') }
  const answer = await transport.send({
    request,
    method: 'PATCH',
    path: `${pathOf('Deployment', request)}?${new URLSearchParams({ fieldManager: FIELD_MANAGER })}`,
    body: { spec: { template: { metadata: { annotations } } } },
    contentType: 'application/merge-patch+json',
  })
  if (answer.status !== 200) throw failure(request, answer)
}
