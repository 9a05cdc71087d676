import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Rendered } from '../../../support/deploy/objects.ts'
import { kustomized } from '../../../support/deploy/rendered.ts'
import { untilServed } from '../../../support/installation/served.ts'
import { until } from '../../../support/until.ts'
import { caBundles, deleteSecret, kept } from '../certificates.ts'
import { DEPLOYMENTS, NAMESPACE, type Site } from '../site.ts'
import { assertStartsAtOnce, openApps } from './apps.ts'

const LIMIT_MS = 180_000

interface Order {
  readonly first: (typeof DEPLOYMENTS)[number]
  /** Whether it can start before the rest is there. */
  readonly startsAlone: boolean
  /** What is not there either until the second step, beside the other Deployment. */
  readonly lacking: string
}

const ORDERS: readonly Order[] = [
  { first: 'migrate-io-webhook', startsAlone: false, lacking: 'Secret' },
  { first: 'migrate-io-controller', startsAlone: true, lacking: 'MutatingWebhookConfiguration' },
]

export function testFirstStart(site: Site): void {
  const { cluster } = site
  const send = (verb: string, objects: readonly Rendered[]) =>
    cluster.kubectl([...verb.split(' '), '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    })
  const removeAll = async () => {
    await send('delete --ignore-not-found --timeout=120s', await kustomized('self-managed'))
  }
  /** Returns when both pods of it are ready, or are there and can't start. */
  const pods = async (deployment: (typeof DEPLOYMENTS)[number], wanted: { ready: boolean }) => {
    const look = () => podsOf(site, deployment.replace('migrate-io-', ''))
    await until(`${deployment} is ${wanted.ready ? '' : 'not '}ready`, look, {
      limitMs: LIMIT_MS,
      accept: (seen) =>
        seen.length === 2 && seen.every(({ ready, started }) => ready === wanted.ready && started === wanted.ready),
    })
  }

  test('L2: with all of ours deleted but the records, pods of recorded revisions start', async () => {
    const apps = await openApps(site)
    await apps.rollOut('left-alone')
    await removeAll()
    await assertStartsAtOnce(apps, 'left-alone')
    await apps.place.kubectl(['delete', 'deployment/left-alone'])
  })

  for (const { first, startsAlone, lacking } of ORDERS)
    test(`O5: first start, ${first} first, without the ${lacking}: it settles by itself`, async (t) => {
      await removeAll()
      const objects = await kustomized('self-managed')
      const isLater = ({ kind, metadata }: Rendered) =>
        kind === lacking || (kind === 'Deployment' && metadata.name !== first)
      await send(
        'apply',
        objects.filter((object) => !isLater(object)),
      )
      await pods(first, { ready: startsAlone })
      const fromMs = performance.now()
      await send('apply', objects.filter(isLater))
      await firstInjected(site)
      t.diagnostic(`${seconds(fromMs)} after the second step a Deployment is injected`)
      for (const each of DEPLOYMENTS) await pods(each, { ready: true })
    })

  test('O1: the Secret and the configuration deleted while it runs: both are made whole again', async () => {
    const { 'ca.crt': before = '' } = await kept(site)
    await deleteSecret(site)
    await until(
      'the Secret is back, and trusted',
      async () => [(await kept(site))['ca.crt'] ?? '', ...(await caBundles(site))],
      {
        limitMs: LIMIT_MS,
        accept: ([ca = '', ...bundles]) => ca !== '' && ca !== before && bundles.every((bundle) => bundle === ca),
      },
    )
    await firstInjected(site)
    const isConfiguration = ({ kind }: Rendered) => kind === 'MutatingWebhookConfiguration'
    const configuration = (await kustomized('self-managed')).filter(isConfiguration)
    await send('delete', configuration)
    await send('apply', configuration)
    await firstInjected(site)
    const [bundle] = await caBundles(site)
    assert.equal(bundle, (await kept(site))['ca.crt'])
  })
}

/** Returns when an annotated Deployment in a new namespace is injected. */
async function firstInjected(site: Site): Promise<void> {
  const metadata = { generateName: 'first-', labels: site.labels(true) }
  const { body } = await site.cluster.request<{ metadata: { name: string } }>('POST', '/api/v1/namespaces', {
    metadata,
  })
  await until('it is injected', () => untilServed(site.cluster, body.metadata.name, true).then(() => true), {
    limitMs: LIMIT_MS,
  })
}

async function podsOf({ cluster }: Site, component: string): Promise<{ started: boolean; ready: boolean }[]> {
  interface Listed {
    readonly metadata: { readonly deletionTimestamp?: string }
    readonly status: { readonly containerStatuses?: { readonly started?: boolean; readonly ready: boolean }[] }
  }
  const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`)
  const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`
  const { body } = await cluster.get<{ items: Listed[] }>(path)
  return body.items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap(({ status }) => status.containerStatuses ?? []) // each has one, and none before kubelet knows of it
    .map(({ started = false, ready }) => ({ started, ready }))
}

function seconds(fromMs: number): string {
  return `${((performance.now() - fromMs) / 1000).toFixed(1)} s`
}
