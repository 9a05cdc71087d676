import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { makeDevelopmentCertificates, writeCertificates } from '../../../../certs/generate.ts'
import { secretVolume } from '../../../support/certificates/secret-volume.ts'
import { sum } from '../../../support/installation/metrics.ts'
import { until } from '../../../support/until.ts'
import { call, steadyCalls } from '../../../support/webhook/process/call.ts'
import {
  certificateFolder,
  files,
  keepAliveAgent,
  runWebhook,
  startWebhook,
  type Webhook,
} from '../../../support/webhook/process/webhook.ts'
import { deployment, review } from '../../../support/webhook/reviews.ts'

const DAY_MS = 86_400_000
const SERVED_LIMIT_MS = 45_000 // three times the 15 s of O1
const BODY = JSON.stringify(review(deployment()))
// Text outside of the PEM blocks means nothing, but shows in the bytes that the process reads from disk.
const BALLAST = `\n${'# nothing\n'.repeat(26_000)}`

// Each waits for polls every 5 s, so they wait together; all at once would start too slowly.
describe('the serving certificate of the process', { concurrency: 4 }, () => {
  test('O1: two new files are served within 15 s, and no call fails meanwhile', async (t) => {
    const first = await certificateFolder(t)
    const second = await makeDevelopmentCertificates()
    await swap(t, first, second, () => writeCertificates(first.folder, second))
  })

  test('O1: a Secret volume that switches its symlink is served within 15 s, and no call fails meanwhile', async (t) => {
    const volume = await secretVolume(t)
    const [first, second] = [await makeDevelopmentCertificates(), await makeDevelopmentCertificates()]
    const show = ({ cert, key }: { cert: string; key: string }) => volume.show({ 'tls.crt': cert, 'tls.key': key })
    await show(first)
    await swap(t, { folder: volume.folder, ...first }, second, () => show(second))
  })

  test('O1, O5: started before its Secret: healthy, unready with the reason, and ready within 15 s of the files', async (t) => {
    const volume = await secretVolume(t)
    const { ca, cert, key } = await makeDevelopmentCertificates()
    const webhook = await startWebhook(t, {
      certificates: { folder: volume.folder, ca },
      args: ['--metrics-port', '0'],
    })
    const probe = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${webhook.metricsPort}/${path}`)
      return [answer.status, await answer.text()]
    }
    assert.deepEqual(await probe('healthz'), [200, 'ok\n'])
    assert.deepEqual(await probe('readyz'), [503, `no certificate yet: ${volume.files.certFile} does not exist\n`])
    await assert.rejects(call(webhook), 'no handshake')
    await volume.show({ 'tls.crt': cert, 'tls.key': key })
    await until('it is ready', async () => (await probe('readyz'))[0] === 200, { limitMs: SERVED_LIMIT_MS })
    assert.equal((await call(webhook, { body: BODY })).status, 200)
    for (const said of ['not ready: no certificate yet', 'serving certificate loaded'])
      await until(`it says ${said}`, () => webhook.lines().some((line) => line.includes(said)), {
        limitMs: SERVED_LIMIT_MS,
      })
  })

  test('O1: a broken file keeps the old pair, is said once, and a good one is taken afterwards', async (t) => {
    const webhook = await startWebhook(t)
    await refuse(
      webhook,
      () => writeFile(join(webhook.folder, 'tls.crt'), `no certificate${BALLAST}`),
      /no PEM certificate/,
    )
  })

  test('O1: a mismatched pair keeps the old one, is said once, and a good one is taken afterwards', async (t) => {
    const webhook = await startWebhook(t)
    const { key } = await makeDevelopmentCertificates()
    await refuse(webhook, () => writeFile(join(webhook.folder, 'tls.key'), key + BALLAST), /does not belong to/)
  })

  test('O1: its expiry is a metric, equal to what the certificate says', async (t) => {
    const made = await certificateFolder(t, { days: 17 })
    const webhook = await startWebhook(t, { certificates: made })
    assert.equal(await expiry(webhook), new X509Certificate(made.cert).validToDate.getTime() / 1000)
  })

  test('O1, O5: a certificate that expires while it serves: readiness is 503 with the reason, healthz 200', async (t) => {
    const made = await certificateFolder(t, { days: 25_000 / DAY_MS })
    const webhook = await startWebhook(t, { certificates: made })
    const ready = () => call(webhook, { trustsAll: true })
    assert.equal((await ready()).status, 200, 'at first')
    const unready = await until('it is not ready', ready, { limitMs: 60_000, accept: ({ status }) => status === 503 })
    assert.match(unready.text, /^the serving certificate expired on \d{4}-\d\d-\d\dT.*Z\n$/)
    assert.equal((await call(webhook, { path: '/healthz', trustsAll: true })).status, 200)
  })

  test('O1, O5: a certificate that has expired or is not yet valid: unready from the start, until a good one comes', async (t) => {
    const [expired, early] = await Promise.all(
      [-2, 2].map((days) => certificateFolder(t, { days: 1, now: inDays(days) })),
    )
    assert.ok(expired && early)
    const [late, soon] = await Promise.all([expired, early].map((certificates) => startWebhook(t, { certificates })))
    assert.ok(late && soon)
    const seen = await Promise.all([late, soon].map((webhook) => call(webhook, { trustsAll: true })))
    assert.deepEqual(
      seen.map(({ status }) => status),
      [503, 503],
    )
    assert.match(seen[0]?.text ?? '', /expired on/)
    assert.match(seen[1]?.text ?? '', /is not valid before/)
    await writeCertificates(late.folder, await makeDevelopmentCertificates())
    await until('it is ready', async () => (await call(late, { trustsAll: true })).status === 200, {
      limitMs: SERVED_LIMIT_MS,
    })
  })
})

test('What keeps it from starting is one line on stderr and an exit code, without a stack trace', async (t) => {
  const { folder } = await certificateFolder(t)
  const other = await certificateFolder(t)
  const [cert, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const broken = join(folder, 'broken')
  await writeFile(broken, 'no PEM')
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const port = String((taken.address() as { port: number }).port)
  const pair = (certFile: string, keyFile: string) => [
    '--tls-cert-file',
    certFile,
    '--tls-private-key-file',
    keyFile,
    '--port',
    '0',
  ]
  const cases: readonly [what: string, args: string[], code: number, expected: RegExp][] = [
    ['a folder', pair(folder, key), 1, /cannot read .*EISDIR/],
    ['broken certificate', pair(broken, key), 1, /broken contains no PEM certificate/],
    ['broken key', pair(cert, broken), 1, /broken contains no private key/],
    ['swapped', pair(key, cert), 1, /contains no PEM certificate/],
    ['mismatched', pair(cert, join(other.folder, 'tls.key')), 1, /does not belong to/],
    ['port in use', [...files(folder), '--port', port], 1, /cannot listen on port \d+.*another program uses it/],
    ['metrics port in use', [...files(folder), '--port', '0', '--metrics-port', port], 1, /cannot listen on port/],
    [
      'the same port twice',
      [...files(folder), '--port', '18443', '--metrics-port', '18443'],
      1,
      /cannot listen on port/,
    ],
    ['bad port', [...files(folder), '--port', '70000'], 2, /from 0 to 65535/],
    ['bad metrics port', [...files(folder), '--port', '0', '--metrics-port', 'x'], 2, /from 0 to 65535/],
    ['no certificate', ['--port', '0'], 2, /--tls-cert-file/],
  ]
  for (const [what, args, code, expected] of cases) {
    const ended = await runWebhook(t, args)
    assert.equal(ended.code, code, `${what}: ${ended.stderr}`)
    assert.match(ended.stderr, expected, what)
    // Wrong usage has commander's line and where help is.
    assert.equal(ended.stderr.trim().split('\n').length, code, `${what}: ${ended.stderr}`)
    assert.doesNotMatch(ended.stderr, /^\s+at /m, what)
  }
})

interface Made {
  readonly ca: string
  readonly cert: string
}

/** Changes the files under a load on kept-alive and new connections. */
async function swap(
  t: TestContext,
  first: Made & { folder: string },
  second: Made,
  change: () => Promise<void>,
): Promise<void> {
  const ca = [first.ca, second.ca]
  const webhook = await startWebhook(t, { certificates: { folder: first.folder, ca } })
  const agent = keepAliveAgent(t)
  const load = steadyCalls(t, 20, (nth) => call(webhook, { body: BODY, ...(nth % 2 === 0 && { agent }) }))
  assert.equal((await call(webhook)).serial, serialOf(first))
  await change()
  const changedAt = performance.now()
  await until('the new certificate is served', async () => (await call(webhook)).serial === serialOf(second), {
    limitMs: SERVED_LIMIT_MS,
  })
  const servedMs = performance.now() - changedAt
  const before = load.called.length
  await until('calls go on', () => load.called.length > before + 50, { limitMs: 30_000 })
  const { called, failures } = await load.stop()
  t.diagnostic(`served ${servedMs.toFixed(0)} ms after the change; ${called.length} calls`)
  assert.deepEqual(failures, [])
  assert.equal(await expiry(webhook), new X509Certificate(second.cert).validToDate.getTime() / 1000)
  assert.equal(sum((await call(webhook, { path: '/metrics' })).text, 'migrate_io_certificate_reload_failures_total'), 0)
}

/** Spoils the files; looks for what is said over two more polls; mends them. */
async function refuse(webhook: Webhook, spoil: () => Promise<void>, expected: RegExp): Promise<void> {
  const before = (await call(webhook)).serial
  const metric = async () => {
    const { text } = await call(webhook, { path: '/metrics' })
    return sum(text, 'migrate_io_certificate_reload_failures_total')
  }
  const said = () => webhook.lines().filter((line) => line.includes('keeping the certificate in use'))
  assert.equal(await metric(), 0)
  await spoil()
  await until('it is said', () => said().length > 0, { limitMs: SERVED_LIMIT_MS })
  const readBytes = await bytesRead(webhook.pid)
  await until(
    'it has looked two more times',
    async () => (await bytesRead(webhook.pid)) > readBytes + 2 * BALLAST.length,
    {
      limitMs: SERVED_LIMIT_MS,
    },
  )
  assert.equal(said().length, 1, said().join('\n'))
  assert.match(said()[0] ?? '', expected)
  assert.match(said()[0] ?? '', /"level":"warn"/)
  assert.equal(await metric(), 1)
  assert.equal((await call(webhook)).serial, before, 'the old one stays')
  assert.equal((await call(webhook)).status, 200, 'and is ready')
  const good = await makeDevelopmentCertificates()
  await writeCertificates(webhook.folder, good)
  const mended = { ...webhook, ca: [webhook.ca, good.ca].flat() }
  await until('the good one is served', async () => (await call(mended)).serial === serialOf(good), {
    limitMs: SERVED_LIMIT_MS,
  })
}

/** By all system calls of the process so far. */
async function bytesRead(pid: number): Promise<number> {
  return Number(/^rchar: (\d+)$/m.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1])
}

async function expiry(webhook: Webhook): Promise<number> {
  const { text } = await call(webhook, { path: '/metrics' })
  return sum(text, 'migrate_io_certificate_expiry_timestamp_seconds')
}

function serialOf({ cert }: Made): string {
  return new X509Certificate(cert).serialNumber
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}
