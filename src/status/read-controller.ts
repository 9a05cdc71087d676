import type { Api } from '../kube/api.ts'
import type { Transport } from '../kube/transport.ts'
import { createWebhookConfigurations } from '../kube/webhook-configuration.ts'
import { LEADER_LEASE, NAMESPACE, WEBHOOK_CONFIGURATION } from '../names.ts'
import { type ControllerFacts, controllerFacts } from './controller-facts.ts'
import { unlessForbidden } from './unless-forbidden.ts'

/**
 * Reads whether a controller is at work. Where none leads in the usual namespace, migrate.io may be installed in another,
 * which the webhook configuration names. Who may not read that is told of an absence only where the Lease is there, which
 * is installed with the rest.
 * @param now milliseconds since 1970
 * @returns `unseen` where what would tell may not be read
 * @throws KubeError
 */
export async function readController(
  { transport, api }: { readonly transport: Transport; readonly api: Api },
  now: number,
): Promise<ControllerFacts> {
  const factsIn = async (namespace: string) => {
    const read = async () => ({ lease: await api.read('Lease', namespace, LEADER_LEASE) })
    const answer = await unlessForbidden(read)
    return answer && { isThere: answer.lease !== undefined, facts: controllerFacts(answer.lease, namespace, now) }
  }
  const usual = await factsIn(NAMESPACE)
  if (usual?.facts.kind === 'leading') return usual.facts
  const installed = await unlessForbidden(async () => ({ namespace: await installedNamespace(transport) }))
  if (installed === undefined) return usual?.isThere === true ? usual.facts : { kind: 'unseen' }
  const { namespace = NAMESPACE } = installed
  const found = namespace === NAMESPACE ? usual : await factsIn(namespace)
  return found?.facts ?? { kind: 'unseen' }
}

/** Undefined where there is no webhook, or it is no Service of the cluster. */
async function installedNamespace(transport: Transport): Promise<string | undefined> {
  const configuration = await createWebhookConfigurations(transport).read(WEBHOOK_CONFIGURATION)
  return configuration?.webhooks?.[0]?.clientConfig.service?.namespace
}
