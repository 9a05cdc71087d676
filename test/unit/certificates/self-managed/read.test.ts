import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { type Issued, issueServing, makeAuthority } from '../../../../src/certificates/issue.ts'
import { namesOf } from '../../../../src/certificates/self-managed/manager.ts'
import { dataWith, keptIn, trustedBy } from '../../../../src/certificates/self-managed/read.ts'
import type { Secret } from '../../../../src/kube/objects.ts'

const NAMES = namesOf({ namespace: 'shop', service: 'hook' })
const validity = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2027-01-01T00:00:00Z') }
const [A, B] = [await makeAuthority('CN=A', validity), await makeAuthority('CN=B', validity)]
const serving = await issueServing(A, { ...validity, subject: 'CN=hook', names: NAMES })
const GOOD = { 'ca.crt': A.cert, 'ca.key': A.key, 'tls.crt': serving.cert, 'tls.key': serving.key }

function kept(texts: Record<string, string>) {
  const metadata = { name: 's', namespace: 'shop', uid: 'u', resourceVersion: '1' }
  const secret: Secret = { metadata, data: dataWith(undefined, { ...GOOD, ...texts }) }
  return keptIn(secret, NAMES)
}

test('O1: the names of a Service', () => {
  assert.deepEqual(NAMES, ['hook', 'hook.shop', 'hook.shop.svc', 'hook.shop.svc.cluster.local'])
})

test('O1: a good Secret: authority, key, certificate, and until when', () => {
  const { trusted, signer, serving: seen } = kept({})
  const life = { notBeforeMs: validity.notBefore.getTime(), notAfterMs: validity.notAfter.getTime() }
  assert.deepEqual(trusted, [{ cert: A.cert, ...life }])
  assert.deepEqual(signer, trusted[0])
  assert.deepEqual(seen, { issuer: A.cert, isForService: true, ...life })
})

test('O1: in a rotation the key says which of the authorities signs, the certificate which one has', () => {
  for (const bundle of [B.cert + A.cert, `# comment\n${A.cert}\n\n${B.cert}${A.cert}`]) {
    const { trusted, signer, serving: seen } = kept({ 'ca.crt': bundle, 'ca.key': B.key })
    assert.deepEqual(new Set(trusted.map(({ cert }) => cert)), new Set([A.cert, B.cert]))
    assert.equal(trusted.length, 2)
    assert.deepEqual([signer?.cert, seen?.issuer], [B.cert, A.cert])
  }
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
for (const [what, texts, expected] of [
  ['no authority', { 'ca.crt': '' }, { trusted: 0, signs: false, issuer: undefined }],
  [
    'garbage',
    { 'ca.crt': 'x', 'ca.key': 'x', 'tls.crt': 'x', 'tls.key': 'x' },
    { trusted: 0, signs: false, serves: false },
  ],
  ['half a certificate', { 'ca.crt': A.cert.slice(0, 300) }, { trusted: 0, signs: false }],
  ['a broken block', { 'ca.crt': A.cert.replace(/M/g, 'N') + B.cert }, { trusted: 1, signs: false }],
  ['no authority in it', { 'ca.crt': serving.cert }, { trusted: 0, signs: false }],
  ['another key', { 'ca.key': B.key }, { trusted: 1, signs: false, issuer: A.cert }],
  ['a key that we can’t sign with', { 'ca.key': String(rsa) }, { trusted: 1, signs: false }],
  ['no certificate yet', { 'tls.crt': '', 'tls.key': '' }, { trusted: 1, signs: true, serves: false }],
  ['a mismatched pair', { 'tls.key': B.key }, { trusted: 1, signs: true, serves: false }],
  ['of another authority', { 'ca.crt': B.cert, 'ca.key': B.key }, { trusted: 1, signs: true, issuer: undefined }],
] as [string, Record<string, string>, { trusted: number; signs: boolean; serves?: boolean; issuer?: string }][]) {
  test(`O1: a Secret with ${what} counts for what is good in it`, () => {
    const seen = kept(texts)
    assert.equal(seen.trusted.length, expected.trusted)
    assert.equal(seen.signer !== undefined, expected.signs)
    assert.equal(seen.serving !== undefined, expected.serves ?? true)
    if ('issuer' in expected) assert.equal(seen.serving?.issuer, expected.issuer)
  })
}

test('O1: a certificate that lacks one of the names is not for the Service', async () => {
  const other: Issued = await issueServing(A, { ...validity, subject: 'CN=x', names: NAMES.slice(0, 3) })
  assert.equal(kept({ 'tls.crt': other.cert, 'tls.key': other.key }).serving?.isForService, false)
})

test('O1: whom a configuration trusts: each webhook’s bundle as text, placeholders and all', () => {
  const metadata = { name: 'c', uid: 'u', resourceVersion: '1' }
  const bundle = (text: string) => ({ caBundle: Buffer.from(text).toString('base64') })
  const webhooks = [
    { name: 'a', clientConfig: bundle(A.cert + B.cert) },
    { name: 'b', clientConfig: {} },
    { name: 'c', clientConfig: bundle('\n') },
  ]
  const { caBundles, authorities } = trustedBy({ metadata, webhooks })
  assert.deepEqual(caBundles, [A.cert + B.cert, '', '\n'])
  assert.deepEqual(
    authorities.map(({ cert }) => cert),
    [A.cert, B.cert],
  )
  assert.deepEqual(trustedBy({ metadata }), { caBundles: [], authorities: [] })
})
