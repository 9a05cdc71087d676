import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { makeDevelopmentCertificates } from '../../../certs/generate.ts'
import { certificateFromFiles } from '../../../src/certificates/files.ts'
import type { ServingPair } from '../../../src/certificates/serving-pair.ts'
import { secretVolume } from '../../support/certificates/secret-volume.ts'
import { until } from '../../support/until.ts'

const POLL_MS = 10
const SOON = { limitMs: 10_000, intervalMs: 5 }

/** A watched pair of files, with all that the watcher said. */
async function watched(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-certificates-'))
  const certFile = join(folder, 'tls.crt')
  const keyFile = join(folder, 'tls.key')
  const write = async (pair: { cert: string; key: string }) => {
    await writeFile(certFile, pair.cert)
    await writeFile(keyFile, pair.key)
  }
  const [first, second] = [await makeDevelopmentCertificates(), await makeDevelopmentCertificates()]
  await write(first)
  const refused: string[] = []
  const used: ServingPair[] = []
  const options = { pollMs: POLL_MS, onRefused: ({ code }: { code: string }) => refused.push(code) }
  const source = await certificateFromFiles({ certFile, keyFile }, options)
  source.watch((pair) => used.push(pair))
  t.after(async () => {
    source.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { certFile, keyFile, write, first, second, refused, used, source }
}

test('O1: new contents are used, and once', async (t) => {
  const { write, second, used, source, refused } = await watched(t)
  await write(second)
  await until('the second pair is used', () => source.current?.cert === second.cert, SOON)
  await afterSomePolls()
  assert.deepEqual([used.length, refused.length], [1, 0])
})

test('O1: files behind a symlink that is switched, as in a Secret volume', async (t) => {
  const [first, second] = [await makeDevelopmentCertificates(), await makeDevelopmentCertificates()]
  const volume = await secretVolume(t)
  await volume.show({ 'tls.crt': first.cert, 'tls.key': first.key })
  const source = await certificateFromFiles(volume.files, { pollMs: POLL_MS, onRefused: assert.fail })
  t.after(() => source.stop())
  source.watch(() => {})
  await volume.show({ 'tls.crt': second.cert, 'tls.key': second.key })
  await until('the second pair is used', () => source.current?.cert === second.cert, SOON)
  source.stop() // before its folder goes
})

for (const [what, code, spoil] of [
  ['a key of another pair', 'CERTIFICATE_MISMATCH', (w) => writeFile(w.keyFile, w.second.key)],
  ['a broken certificate', 'CERTIFICATE_MALFORMED', (w) => writeFile(w.certFile, w.first.cert.slice(0, 200))],
  ['an empty key', 'CERTIFICATE_MALFORMED', (w) => writeFile(w.keyFile, '')],
  ['a missing file', 'CERTIFICATE_UNREADABLE', (w) => rm(w.keyFile)],
] as [string, string, (w: Awaited<ReturnType<typeof watched>>) => Promise<void>][]) {
  test(`O1: ${what} keeps the last good pair, says so once, and what comes next is used`, async (t) => {
    const w = await watched(t)
    await spoil(w)
    await until('it is refused', () => w.refused.length > 0, SOON)
    await afterSomePolls()
    assert.deepEqual(w.refused, [code])
    assert.equal(w.source.current?.cert, w.first.cert)
    await w.write(w.second)
    await until('the second pair is used', () => w.source.current?.cert === w.second.cert, SOON)
    await w.write({ cert: w.second.cert, key: 'bad again' })
    await until('it is refused again', () => w.refused.length > 1, SOON)
  })
}

test('O5: files that are missing or empty are waited for, and readiness says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-certificates-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const files = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') }
  const source = await certificateFromFiles(files, { pollMs: POLL_MS, onRefused: assert.fail })
  t.after(() => source.stop())
  const used: ServingPair[] = []
  source.watch((pair) => used.push(pair))
  const why = () => source.unusableAt(new Date())
  assert.equal(why(), `no certificate yet: ${files.certFile} does not exist`)
  await writeFile(files.certFile, '')
  await until('the key is missed', () => why() === `no certificate yet: ${files.keyFile} does not exist`, SOON)
  await writeFile(files.keyFile, '')
  await until('it is empty', () => why() === `no certificate yet: ${files.certFile} is empty`, SOON)
  const { cert, key } = await makeDevelopmentCertificates()
  await writeFile(files.certFile, cert)
  await until('the key is empty', () => why() === `no certificate yet: ${files.keyFile} is empty`, SOON)
  assert.equal(used.length, 0)
  await writeFile(files.keyFile, key)
  await until('it is used', () => used.length === 1, SOON)
  assert.equal(why(), undefined)
  source.stop() // before its folder goes
})

test('O5: a Secret volume that is filled later, by a symlink that is switched', async (t) => {
  const { volume, source, refused } = await emptyVolume(t)
  assert.match(source.unusableAt(new Date()) ?? '', /^no certificate yet: .* does not exist$/)
  const { cert, key } = await makeDevelopmentCertificates()
  await volume.show({ 'tls.crt': cert, 'tls.key': key })
  await until('it is used', () => source.current?.cert === cert, SOON)
  // As kubelet leaves an optional Secret that was deleted.
  assert.equal(refused.length, 0)
  await volume.show({})
  await until('it is noticed', () => refused.length > 0, SOON)
  assert.deepEqual(refused, ['CERTIFICATE_UNREADABLE'])
  assert.equal(source.unusableAt(new Date()), undefined, 'the last good pair stays')
})

test('O1: the first files to come are no good: said once, and waited for better ones', async (t) => {
  const { volume, source, refused } = await emptyVolume(t)
  const { cert, key } = await makeDevelopmentCertificates()
  await volume.show({ 'tls.crt': 'garbage', 'tls.key': key })
  await until('it is refused', () => refused.length > 0, SOON)
  await afterSomePolls()
  assert.deepEqual(refused, ['CERTIFICATE_MALFORMED'])
  assert.match(source.unusableAt(new Date()) ?? '', /^no certificate yet: .*contains no PEM certificate/)
  await volume.show({ 'tls.crt': cert, 'tls.key': key })
  await until('it is used', () => source.current?.cert === cert, SOON)
})

test('O1: a certificate whose key is still being written is not refused, but is once it stays so', async (t) => {
  const [first, second] = [await makeDevelopmentCertificates(), await makeDevelopmentCertificates()]
  const halves = { cert: second.cert, key: first.key }
  // What each look sees: it reads the certificate first.
  const looks = [first, first, halves, second, second, halves, halves, halves]
  let seen = looks[0]
  const readFile = async (file: string) => {
    if (file === 'key') return seen?.key ?? ''
    seen = looks.shift() ?? seen
    return seen?.cert ?? ''
  }
  const refusedBefore: number[] = []
  const source = await certificateFromFiles(
    { certFile: 'cert', keyFile: 'key' },
    { pollMs: 1, readFile, onRefused: () => refusedBefore.push(looks.length) },
  )
  t.after(() => source.stop())
  source.watch(() => {})
  await until('all has been looked at', () => looks.length === 0, SOON)
  await afterSomePolls()
  // Once, at the second look of those in a row; the last one is still to come then.
  assert.deepEqual([refusedBefore, source.current?.cert === second.cert], [[1], true])
})

test('O1: no message holds any of the key', async (t) => {
  const { certFile } = await watched(t)
  const keyFile = `${certFile}.spoiled`
  await writeFile(keyFile, '-----BEGIN PRIVATE KEY-----\nS3cretCanary\n-----END PRIVATE KEY-----\n')
  await assert.rejects(certificateFromFiles({ certFile, keyFile }, { onRefused: assert.fail }), (error: Error) => {
    assert.doesNotMatch(error.message, /Canary/)
    assert.equal(error.message.includes('\n'), false)
    return 'code' in error && error.code === 'CERTIFICATE_MALFORMED'
  })
})

// What must not happen can only be given the time to happen.
function afterSomePolls(): Promise<void> {
  return pause(20 * POLL_MS)
}

/** A Secret volume with nothing in it, and the source that reads it, with the codes of what it refused. */
async function emptyVolume(t: TestContext) {
  const volume = await secretVolume(t)
  const refused: string[] = []
  const onRefused = ({ code }: { code: string }) => refused.push(code)
  const source = await certificateFromFiles(volume.files, { pollMs: POLL_MS, onRefused })
  t.after(() => source.stop())
  source.watch(() => {})
  return { volume, source, refused }
}
