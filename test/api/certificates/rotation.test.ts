import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { makeSite, type Site, startController } from '../../support/certificates/installed.ts'
import { mountSecret } from '../../support/certificates/kubelet.ts'
import { ownCluster } from '../../support/cluster/shared.ts'
import { until } from '../../support/until.ts'
import { startWebhook, type Webhook } from '../../support/webhook/process/webhook.ts'

const cluster = await ownCluster()
const HOST = '127.0.0.1'
const SOON = { limitMs: 60_000 }
const ADMISSION_EVERY_MS = 20 // 50 a second
const HANDSHAKE_EVERY_MS = 100
/** How old a caBundle an API server may go by. */
const BUNDLE_AGE_MS = 1_000
/** The replicas' volumes: at once, and as late as a slow node. */
const DELAYS_MS = [0, 4_000]
const SECOND_MS = 1_000
/**
 * All as it is, in minutes instead of years: a renewal after 30 s, a rotation after 50 s, which takes 3 s until the new
 * certificate and 16 s more until the old authority is gone.
 */
const TIMES = {
  lookMs: 300,
  trustMs: 3 * SECOND_MS,
  overlapMs: 16 * SECOND_MS,
  servingLifeMs: 45 * SECOND_MS,
  authorityLifeMs: 75 * SECOND_MS,
}

test('O1: a renewal and a rotation of the authority under 50 admissions/s: no failed call', async (t) => {
  const { site, controller, load, rotated } = await installed(t)
  const first = await site.kept('ca.crt')
  await rotated(first)
  const counts = await load.stop()
  const issued = controller.said(/made a new serving certificate/).map(({ reason }) => reason)
  t.diagnostic(`${JSON.stringify(counts)}; issued: ${issued.join(', ')}`)
  assert.ok(issued.includes('certificate-due') && issued.includes('other-authority'))
  assert.equal(controller.said(/made a new certificate authority: two thirds/).length, 1)
  assert.ok(counts.admitted > 100, 'the load was there, as far as the machine carries it')
})

test('O1: the Secret deleted under 50 admissions/s: made anew, and no failed call', async (t) => {
  const { site, controller, load, rotated } = await installed(t, {
    servingLifeMs: 3_600_000,
    authorityLifeMs: 36_000_000,
  })
  const first = await site.kept('ca.crt')
  await cluster.request('DELETE', site.secretPath)
  await rotated(first)
  t.diagnostic(JSON.stringify(await load.stop()))
  assert.equal(controller.said(/made a new certificate authority: the Secret does not exist/).length, 2)
})

/** Two webhooks behind one address, a controller, and a load that no call of fails. */
async function installed(t: TestContext, times: Partial<typeof TIMES> = {}) {
  const site = await makeSite(t, cluster)
  const webhooks = await Promise.all(
    DELAYS_MS.map(async (delayMs) => {
      const { folder } = await mountSecret(t, site, { delayMs })
      return startWebhook(t, { certificates: { folder, ca: '' } })
    }),
  )
  await site.apply(await balancer(t, webhooks))
  const controller = startController(t, {
    kubeconfig: cluster.kubeconfig,
    namespace: site.namespace,
    webhookConfiguration: site.manifest(1).metadata.name,
    certificateTimes: { ...TIMES, ...times },
  })
  await until('both serve', () => Promise.all(webhooks.map((each) => handshake(site, each, undefined))), SOON)
  await until('a Deployment is admitted', async () => (await site.admit()).status === 201, SOON)
  const load = startLoad(t, site, webhooks)
  /** Returns when another authority than the first one is the only one trusted, and some calls more have been made. */
  const rotated = async (first: string) => {
    await until('the rotation is over', () => controller.said(/removed the older certificate authorities/).length > 0, {
      limitMs: 180_000,
    })
    await until('the old authority is trusted no more', () => site.caBundles(), {
      ...SOON,
      accept: (bundles) => bundles.every((each) => each.split('BEGIN').length === 2 && each !== first),
    })
    await load.for(3 * SECOND_MS)
  }
  return { site, controller, load, rotated }
}

/** Each connection to the next webhook. */
async function balancer(t: TestContext, webhooks: readonly Webhook[]): Promise<number> {
  let nth = 0
  const server = createServer((client) => {
    const upstream = connectTcp({ host: HOST, port: webhooks[nth++ % webhooks.length]?.port ?? 0 })
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy())
      one.once('close', () => other.destroy())
      one.pipe(other)
    }
    t.after(() => client.destroy())
  }).listen(0, HOST)
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A new connection, as an API server makes it that goes by this caBundle. Throws where that does not trust what is served. */
async function handshake(site: Site, { port }: Webhook, caBundle: string | undefined): Promise<string> {
  const servername = `migrate-io-webhook.${site.namespace}.svc`
  const socket = connect({ host: HOST, port, servername, ca: caBundle ?? (await site.kept('ca.crt')) })
  try {
    await once(socket, 'secureConnect')
    return new X509Certificate(socket.getPeerX509Certificate()?.raw ?? '').serialNumber
  } finally {
    socket.destroy()
  }
}

/** Admissions through the API server; beside them new connections to each webhook, by what was trusted a moment ago. */
function startLoad(t: TestContext, site: Site, webhooks: readonly Webhook[]) {
  const failures: string[] = []
  const serials = new Set<string>()
  const bundles: { readonly atMs: number; readonly caBundle: string }[] = []
  const running = new Set<Promise<void>>()
  let admitted = 0
  let handshakes = 0
  const begin = (work: () => Promise<void>) => {
    const one: Promise<void> = work()
      .catch((error: Error) => void failures.push(`${new Date().toISOString()} ${error.message}`))
      .finally(() => running.delete(one))
    running.add(one)
  }
  const admit = async () => {
    const { status, said } = await site.admit()
    if (status !== 201) throw new Error(`${status} ${said}`)
    admitted++
  }
  const look = async () => {
    const atMs = performance.now()
    for (const caBundle of new Set(await site.caBundles())) bundles.push({ atMs, caBundle })
    while ((bundles[1]?.atMs ?? atMs) < atMs - BUNDLE_AGE_MS) bundles.shift()
    for (const webhook of webhooks) {
      for (const caBundle of new Set([bundles[0], bundles.at(-1)].map((each) => each?.caBundle))) {
        serials.add(await handshake(site, webhook, caBundle))
        handshakes++
      }
    }
  }
  const timers = [
    setInterval(() => begin(admit), ADMISSION_EVERY_MS),
    setInterval(() => begin(look), HANDSHAKE_EVERY_MS),
  ]
  const end = () => timers.forEach(clearInterval)
  t.after(end)
  return {
    async for(ms: number): Promise<void> {
      const goal = admitted + ms / ADMISSION_EVERY_MS
      await until('more were admitted', () => admitted >= goal, SOON)
    },
    /** @throws AssertionError if a call has failed. */
    async stop() {
      end()
      await Promise.all(running)
      assert.deepEqual(failures.slice(0, 5), [], `${failures.length} failed`)
      return { admitted, handshakes, certificates: serials.size }
    },
  }
}
