import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeDevelopmentCertificates, writeCertificates } from '../../../certs/generate.ts'
import { call } from '../../support/webhook/process/call.ts'

test('The development certificate is signed by its CA, for its names, and has the extensions that clients check', async () => {
  const made = await makeDevelopmentCertificates({ names: ['a.example.test', '127.0.0.1', '::1'], days: 3 })
  const [ca, leaf] = [new X509Certificate(made.ca), new X509Certificate(made.cert)]
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey) && ca.ca && !leaf.ca)
  assert.equal(leaf.checkHost('a.example.test'), 'a.example.test')
  assert.equal(leaf.checkHost('b.example.test'), undefined)
  assert.ok(leaf.checkIP('127.0.0.1') && leaf.checkIP('::1'))
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']) // Node's name for the extended key usage: serverAuth
  const days = (leaf.validToDate.getTime() - Date.now()) / 86_400_000
  assert.ok(days > 2.9 && days < 3.1)
})

test('A TLS client that trusts the CA takes the certificate', async (t) => {
  const { ca, cert, key } = await makeDevelopmentCertificates()
  const server = createServer({ cert, key }, (_request, response) => response.end('hello'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  assert.equal((await call({ port, ca })).text, 'hello')
  const other = await makeDevelopmentCertificates()
  await assert.rejects(call({ port, ca: other.ca }), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })
})

test('The key file is for its owner only, also where one was there before', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'migrate-io-certs-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const made = await makeDevelopmentCertificates()
  for (const _ of ['new', 'again']) {
    await writeCertificates(folder, made)
    assert.equal((await stat(join(folder, 'tls.key'))).mode & 0o777, 0o600)
  }
})

test('A name that is no name, and no days, are refused', async () => {
  for (const options of [{ names: ['a b'] }, { names: [''] }, { names: [] }, { days: 0 }, { days: Number.NaN }]) {
    await assert.rejects(makeDevelopmentCertificates(options), RangeError)
  }
})
