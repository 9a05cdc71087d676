import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { root } from '../tooling/root.ts'

const FILE = `${root}/deploy/base/mutating-webhook-configuration.yaml`

/** On namespaces: which installation of a test serves them. */
export const SCOPE_LABEL = 'e2e.migrate.io/scope'

export interface WebhookConfiguration {
  metadata: { name: string; [field: string]: unknown }
  webhooks: {
    name: string
    clientConfig: { service?: { path: string }; url?: string; caBundle?: string }
    namespaceSelector: { matchLabels?: Record<string, string>; [field: string]: unknown }
    [field: string]: unknown
  }[]
}

export interface Reach {
  /** Where the webhook serves, without a path. */
  readonly url: string
  /** PEM of all authorities that are trusted. */
  readonly ca: string
  /** Left out: just as it is installed everywhere. Else only for namespaces with this label, under names of its own. */
  readonly scope?: string | undefined
}

/** The configuration of deploy/base, with an address instead of the Service. */
export function webhookConfiguration({ url, ca, scope }: Reach): WebhookConfiguration {
  const configuration = parse(readFileSync(FILE, 'utf8')) as WebhookConfiguration
  const { metadata, webhooks } = configuration
  if (scope !== undefined) metadata.name += `-${scope}`
  for (const webhook of webhooks) {
    const path = webhook.clientConfig.service?.path
    if (path === undefined) throw new Error(`${FILE}: ${webhook.name} has no path`)
    webhook.clientConfig = { url: url + path, caBundle: Buffer.from(ca).toString('base64') }
    if (scope === undefined) continue
    webhook.name = scopedName(webhook.name, scope)
    webhook.namespaceSelector.matchLabels = { ...webhook.namespaceSelector.matchLabels, [SCOPE_LABEL]: scope }
  }
  return configuration
}

/** `inject.migrate.io` → `inject.<scope>.migrate.io`: the API server's metrics and messages name a webhook by it. */
export function scopedName(webhook: string, scope: string | undefined): string {
  return scope === undefined ? webhook : webhook.replace('.', `.${scope}.`)
}
