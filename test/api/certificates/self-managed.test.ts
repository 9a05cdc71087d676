import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { makeSite, type Site, startController } from '../../support/certificates/installed.ts'
import { mountSecret } from '../../support/certificates/kubelet.ts'
import { ownCluster } from '../../support/cluster/shared.ts'
import { sum } from '../../support/installation/metrics.ts'
import { MERGE_PATCH } from '../../support/installation/place.ts'
import { until } from '../../support/until.ts'
import { startWebhook } from '../../support/webhook/process/webhook.ts'

const cluster = await ownCluster()
const SOON = { limitMs: 60_000 }
const TIMES = { lookMs: 300, trustMs: 2_000, overlapMs: 12_000 }

test('O1, O5: controller first, nothing else there: it makes the Secret, waits for the configuration, and says so once', async (t) => {
  const site = await makeSite(t, cluster)
  const controller = startController(t, optionsOf(site))
  await until('the Secret is there', () => site.secret(), SOON)
  await until('it waits', () => controller.said(/the MutatingWebhookConfiguration does not exist/).length > 0, SOON)
  const secret = (await site.secret()) ?? assert.fail()
  assert.equal(secret.type, 'Opaque')
  assert.deepEqual(Object.keys(secret.data ?? {}).toSorted(), ['ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
  const leaf = new X509Certificate(await site.kept('tls.crt'))
  for (const name of ['migrate-io-webhook', `migrate-io-webhook.${site.namespace}.svc`]) assert.ok(leaf.checkHost(name))
  assert.ok(leaf.verify(new X509Certificate(await site.kept('ca.crt')).publicKey))

  const { folder } = await mountSecret(t, site)
  const webhook = await startWebhook(t, { certificates: { folder, ca: await site.kept('ca.crt') } })
  assert.equal(controller.said(/the MutatingWebhookConfiguration does not exist/).length, 1)
  await site.apply(webhook.port)
  await admits(site)

  await t.test(
    'O1: the manifest applied again leaves caBundle; replaced without it, it is put back within seconds',
    async () => {
      const [before] = await site.caBundles()
      assert.ok(before)
      await site.apply(webhook.port)
      await cluster.kubectl(['apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', '-'], {
        input: JSON.stringify(site.manifest(webhook.port)),
      })
      assert.deepEqual(await site.caBundles(), [before, before])
      const before2 = controller.said(/wrote caBundle/).length
      await cluster.kubectl(['replace', '-f', '-'], { input: JSON.stringify(site.manifest(webhook.port)) })
      await until('it is back', () => site.caBundles(), {
        ...SOON,
        accept: (seen) => seen.every((each) => each === before),
      })
      await until('it is said', () => controller.said(/wrote caBundle/).length > before2, SOON)
      assert.equal((await site.admit()).status, 201)
    },
  )

  await t.test('O1: what it did, and when its certificates expire, are metrics', async () => {
    const text = await controller.metrics()
    const expiry = 'migrate_io_managed_certificate_expiry_timestamp_seconds'
    for (const [certificate, key] of Object.entries({ authority: 'ca.crt', serving: 'tls.crt' })) {
      const expected = new X509Certificate(await site.kept(key)).validToDate.getTime() / 1000
      assert.equal(sum(text, expiry, { certificate }), expected)
    }
    assert.equal(sum(text, 'migrate_io_certificate_steps_total', { step: 'make-authority', reason: 'no-secret' }), 1)
  })

  await t.test('S3: no key in the log', async () => {
    const key = (await site.kept('ca.key')).split('\n')[1] ?? assert.fail()
    for (const text of [controller.text(), webhook.lines().join('\n')]) assert.equal(text.includes(key), false)
  })
})

test('O1, O5: webhook and configuration first, the controller later', async (t) => {
  const site = await makeSite(t, cluster)
  const { folder } = await mountSecret(t, site)
  const webhook = await startWebhook(t, { certificates: { folder, ca: '' }, args: ['--metrics-port', '0'] })
  const ready = async () => (await fetch(`http://127.0.0.1:${webhook.metricsPort}/readyz`)).status
  await site.apply(webhook.port)
  assert.equal(await ready(), 503)
  // The API server follows its configuration a moment later.
  const { said } = await until('the API server asks it', () => site.admit(), {
    ...SOON,
    accept: ({ status }) => status === 500,
  })
  assert.match(said, /failed calling webhook \\"inject\..*migrate\.io/)
  const { certificateTimes: _, ...asInstalled } = optionsOf(site)
  startController(t, asInstalled)
  await until('it is ready', async () => (await ready()) === 200, SOON)
  await admits(site)
})

test('O1: a Secret spoiled in any way is made anew, and trusted', async (t) => {
  const site = await makeSite(t, cluster)
  await site.apply(1)
  const controller = startController(t, { ...optionsOf(site), certificateTimes: { ...TIMES, overlapMs: 2_000 } })
  let number = 0
  const settled = async (): Promise<string> => {
    const isSo = async () => {
      const [ca, leaf] = [await site.kept('ca.crt'), await site.kept('tls.crt')]
      if (ca.split('BEGIN').length !== 2 || leaf === '' || (await site.kept('ca.key')) === '') return false
      const isIssued = new X509Certificate(leaf).verify(new X509Certificate(ca).publicKey)
      return isIssued && (await site.caBundles()).every((each) => each === ca)
    }
    await until('all is well', () => isSo().catch(() => false), SOON)
    return site.kept('ca.crt')
  }
  let ca = await settled()
  for (const data of [
    { 'ca.key': 'garbage' },
    { 'ca.crt': 'garbage' },
    { 'ca.crt': '', 'ca.key': null, 'tls.crt': 'x', 'tls.key': 'y' },
  ]) {
    await patchSecret(data)
    await saysOnceMore(/made a new certificate authority: the Secret has no authority/, ++number)
    const next = await settled()
    assert.notEqual(next, ca, JSON.stringify(data))
    ca = next
  }
  const lacking = /made a new serving certificate: the Secret has no serving certificate/
  const before = controller.said(lacking).length
  await patchSecret({ 'tls.crt': 'garbage', own: 'stays' })
  await saysOnceMore(lacking, before + 1)
  assert.equal(await settled(), ca, 'the authority is good')
  assert.equal(await site.kept('own'), 'stays')

  async function saysOnceMore(message: RegExp, times: number): Promise<void> {
    const seen = await until(`it says ${message}`, () => controller.said(message).length, {
      ...SOON,
      accept: (count) => count >= times,
    })
    assert.equal(seen, times)
  }

  async function patchSecret(texts: Record<string, string | null>): Promise<void> {
    const encode = (text: string | null) => text && Buffer.from(text).toString('base64')
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, encode(text)]))
    assert.equal((await cluster.request('PATCH', site.secretPath, { data }, MERGE_PATCH)).status, 200)
  }
})

function optionsOf(site: Site) {
  return {
    kubeconfig: cluster.kubeconfig,
    namespace: site.namespace,
    webhookConfiguration: site.manifest(1).metadata.name,
    certificateTimes: TIMES,
  }
}

async function admits(site: Site): Promise<void> {
  await until('a Deployment is admitted and injected', () => site.admit(), {
    ...SOON,
    accept: ({ status }) => status === 201,
  })
}
