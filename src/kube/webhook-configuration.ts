import { FIELD_MANAGER } from '../names.ts'
import { patch } from './calls.ts'
import { failure, objectOf, type Request, saysNotFound } from './errors.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

const KIND = 'MutatingWebhookConfiguration'
/** Lists are merged by the key that the kind names, which for webhooks is their name. */
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json'

/** The part of a MutatingWebhookConfiguration that says whom the API server trusts. It is in no namespace. */
export interface WebhookConfiguration {
  metadata: {
    name: string
    uid: string
    resourceVersion: string
    /** Moves whenever something about its webhooks changes. */
    generation?: number
  }
  webhooks?: {
    name: string
    /** `caBundle` is PEM in base64; `service` is absent where the webhook is called by a URL. */
    clientConfig: { caBundle?: string; service?: { namespace: string } }
  }[]
}

/** Reads and writes whom the API server trusts as our webhook. */
export interface WebhookConfigurations {
  /** Undefined when there is none (404). Throws KubeError. */
  read(name: string): Promise<WebhookConfiguration | undefined>
  /**
   * Writes the PEM text as caBundle of each webhook of it, and nothing else. A compare-and-swap: throws KubeError, with code
   * `conflict`, when it is no longer as it was seen.
   */
  trust(seen: WebhookConfiguration, caBundle: string): Promise<WebhookConfiguration>
}

export function createWebhookConfigurations(transport: Transport): WebhookConfigurations {
  return {
    async read(name) {
      const request: Request = { verb: 'get', kind: KIND, name }
      const answer = await transport.send({ request, method: 'GET', path: pathOf(KIND, request) })
      if (answer.status === 200) return objectOf(request, answer)
      if (saysNotFound(answer, name)) return undefined
      throw failure(request, answer)
    },

    async trust({ metadata: { name, uid, resourceVersion }, webhooks = [] }, caBundle) {
      const request = { verb: 'patch', kind: KIND, name } as const
      const clientConfig = { caBundle: Buffer.from(caBundle).toString('base64') }
      const body = {
        metadata: { uid, resourceVersion },
        webhooks: webhooks.map((webhook) => ({ name: webhook.name, clientConfig })),
      }
      const by = { fieldManager: FIELD_MANAGER, contentType: STRATEGIC_MERGE_PATCH }
      return objectOf(request, await patch(transport, request, body, by))
    },
  }
}
