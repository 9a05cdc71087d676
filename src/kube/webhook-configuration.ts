import { FIELD_MANAGER } from '../migration/names.ts'
import { KubeError } from './api.ts'
import { failure, inWords, type Request, saysNotFound } from './failure.ts'
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
      if (answer.status === 200) return configurationOf(request, answer.body)
      if (saysNotFound(answer, name)) return undefined
      throw failure(request, answer)
    },

    async trust({ metadata: { name, uid, resourceVersion }, webhooks = [] }, caBundle) {
      const request: Request = { verb: 'patch', kind: KIND, name }
      const clientConfig = { caBundle: Buffer.from(caBundle).toString('base64') }
      const answer = await transport.send({
        request,
        method: 'PATCH',
        path: `${pathOf(KIND, request)}?${new URLSearchParams({ fieldManager: FIELD_MANAGER })}`,
        body: {
          metadata: { uid, resourceVersion },
          webhooks: webhooks.map((webhook) => ({ name: webhook.name, clientConfig })),
        },
        contentType: STRATEGIC_MERGE_PATCH,
      })
      if (answer.status === 200) return configurationOf(request, answer.body)
      throw failure(request, answer)
    },
  }
}

/** A 200 of something in between, such as a login page, must not pass for it. */
function configurationOf(request: Request, body: unknown): WebhookConfiguration {
  if (typeof body === 'object' && body !== null && 'kind' in body && body.kind === KIND && 'metadata' in body)
    return body as unknown as WebhookConfiguration
  throw new KubeError('unavailable', `${inWords(request)}: an answer that is no ${KIND}`)
}
