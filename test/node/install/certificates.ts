import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { Secret } from '../../../src/kube/objects.ts'
import type { WebhookConfiguration } from '../../support/installation/configuration.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { until } from '../../support/until.ts'
import { NAMESPACE, type Site } from './site.ts'

const SECRET = `/api/v1/namespaces/${NAMESPACE}/secrets/migrate-io-webhook-tls`
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/migrate-io'
const PORT = 8443
const SERVER_NAME = `migrate-io-webhook.${NAMESPACE}.svc`
/** The controller looks every 10 s, waits a minute until a new authority is trusted, and kubelet takes up to two. */
const LIMIT_MS = 300_000
const LOOK_MS = 500

/** The texts that the Secret holds; empty where there is none. */
export async function kept({ cluster }: Site): Promise<Readonly<Record<string, string>>> {
  const { body } = await cluster.get<Secret>(SECRET)
  return Object.fromEntries(
    Object.entries(body.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]),
  )
}

/** Writes these texts into the Secret; null takes one away. */
export async function putIntoSecret({ cluster }: Site, texts: Readonly<Record<string, string | null>>): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, text && Buffer.from(text).toString('base64')]),
  )
  const { status, body } = await cluster.request('PATCH', SECRET, { data }, MERGE_PATCH)
  assert.equal(status, 200, JSON.stringify(body))
}

export async function deleteSecret({ cluster }: Site): Promise<void> {
  assert.equal((await cluster.request('DELETE', SECRET)).status, 200)
}

/** What the API server trusts for each of the two webhooks. PEM. */
export async function caBundles({ cluster }: Site): Promise<readonly string[]> {
  const { body } = await cluster.get<WebhookConfiguration>(CONFIGURATION)
  return body.webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString())
}

/** The serial number of a certificate in PEM. */
export function serialOf(pem: string): string {
  return new X509Certificate(pem).serialNumber
}

/**
 * Returns when the Secret holds another certificate than this, and each webhook serves it on new connections; with its serial
 * number. kubelet looks at a Secret about once a minute; a change of the pod has it look now.
 */
export async function untilServedOtherThan(site: Site, serial: string): Promise<string> {
  const made = await until('the Secret holds another certificate', async () => (await kept(site))['tls.crt'] ?? '', {
    limitMs: LIMIT_MS,
    intervalMs: LOOK_MS,
    accept: (pem) => pem !== '' && serialOf(pem) !== serial,
  })
  const pods = await site.pods('migrate-io-webhook')
  for (const pod of pods)
    await site.cluster.kubectl([
      `--namespace=${NAMESPACE}`,
      ...['annotate', 'pod', pod, `test.migrate.io/look=${serialOf(made)}`, '--overwrite'],
    ])
  await until('each webhook serves it', () => Promise.all(pods.map((pod) => servedBy(site, pod))), {
    limitMs: LIMIT_MS,
    intervalMs: LOOK_MS,
    accept: (serials) => serials.every((each) => each === serialOf(made)),
  })
  return serialOf(made)
}

/** The serial number of the certificate that a pod serves, which the API server must trust. */
async function servedBy(site: Site, pod: string): Promise<string> {
  const { body } = await site.cluster.get<{ status: { podIP: string } }>(`/api/v1/namespaces/${NAMESPACE}/pods/${pod}`)
  const [ca = ''] = await caBundles(site)
  const socket = connect({ host: body.status.podIP, port: PORT, servername: SERVER_NAME, ca })
  try {
    await once(socket, 'secureConnect')
    return new X509Certificate(socket.getPeerX509Certificate()?.raw ?? '').serialNumber
  } finally {
    socket.destroy()
  }
}
