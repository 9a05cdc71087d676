import assert from 'node:assert/strict'
import { test } from 'node:test'
import jsonPatch from 'fast-json-patch'
import { answerOf, JSON_TYPE, testApp } from '../../support/webhook/app.ts'
import { deployment, review, reviewOfBytes, UID } from '../../support/webhook/reviews.ts'

const MIB = 1024 * 1024

test('A11: an annotated Deployment is answered with a patch that applies to what was sent', async () => {
  const { send } = testApp()
  const object = deployment()
  const { status, response, patch } = await send(review(object))
  assert.equal(status, 200)
  assert.deepEqual([response.uid, response.allowed, response.patchType], [UID, true, 'JSONPatch'])
  const patched = jsonPatch.applyPatch(structuredClone(object), structuredClone(patch) as never, true).newDocument
  assert.match(JSON.stringify(patched), /"initContainers":\[\{"name":"migrate-io"/)
})

test('A11: without an annotation the patch is left out', async () => {
  const { response, text } = await testApp().send(review(deployment({ annotations: {} })))
  assert.equal(response.allowed, true)
  assert.doesNotMatch(text, /patch/)
})

test('A11: /strip takes off what /mutate put in', async () => {
  const { send } = testApp()
  const bare = deployment()
  const injected = jsonPatch.applyPatch(structuredClone(bare), (await send(review(bare))).patch as never).newDocument
  const { patch, response } = await send(review(injected, { operation: 'UPDATE', oldObject: injected }), '/strip')
  assert.equal(response.allowed, true)
  const stripped = jsonPatch.applyPatch(structuredClone(injected), patch as never).newDocument as typeof bare
  assert.deepEqual(stripped.spec, bare.spec)
})

test('A11: dryRun is answered like any other call, and the log says so', async () => {
  const { send, log } = testApp()
  const dry = await send(review(deployment(), { dryRun: true }))
  const real = await send(review(deployment()))
  assert.deepEqual(dry.patch, real.patch)
  assert.match(log(), /"dryRun":true.*\n.*"dryRun":false/)
})

test('A11: generateName and names of 253 characters are admitted', async () => {
  const { send, log } = testApp()
  const { name: _, ...noName } = deployment().metadata as Record<string, string>
  const generated = { ...deployment(), metadata: { ...noName, generateName: 'flask-' } }
  assert.equal((await send(review(generated))).response.allowed, true)
  assert.equal((await send(review(deployment({ name: 'a'.repeat(253) })))).response.allowed, true)
  assert.match(log(), /"deployment":"flask-\*"/)
})

test('A11: an object of 1.4 MiB with managedFields is admitted and both stay as they are', async () => {
  const managedFields = Array.from({ length: 20 }, (_, i) => ({
    manager: `m${i}`,
    fieldsV1: { 'f:spec': { 'f:x': {} } },
  }))
  const annotations = { 'migrate.io/command': 'flask db upgrade', big: 'y'.repeat(1.4 * MIB) }
  const { response, patch } = await testApp().send(review(deployment({ annotations, managedFields })))
  assert.equal(response.allowed, true)
  for (const { path } of patch ?? []) assert.doesNotMatch(String(path), /managedFields|big/)
})

for (const operation of ['DELETE', 'CONNECT']) {
  test(`A11: ${operation} sent by mistake is let through as it is`, async () => {
    const { status, response } = await testApp().send(review(null, { operation, oldObject: deployment() }))
    assert.deepEqual([status, response], [200, { uid: UID, allowed: true }])
  })
}

test('A11: another kind or a subresource sent by mistake is let through with a warning', async () => {
  const { send } = testApp()
  const pod = await send(review({ kind: 'Pod' }, { kind: { group: '', version: 'v1', kind: 'Pod' } }))
  const status = await send(review(deployment(), { subResource: 'status' }))
  for (const { response } of [pod, status]) {
    assert.equal(response.allowed, true)
    assert.equal(response.patch, undefined)
    assert.match(String(response.warnings), /handles apps\/v1 Deployments only/)
  }
})

test('A11: a v1beta1 review gets 400 that says what is allowed', async () => {
  const { status, text } = await testApp().send({ ...review(deployment()), apiVersion: 'admission.k8s.io/v1beta1' })
  assert.equal(status, 400)
  assert.match(text, /"admission.k8s.io\/v1beta1".*admissionReviewVersions: \["v1"\]/)
})

for (const [what, body] of [
  ['no object on CREATE', review(null)],
  ['no object on UPDATE', review(null, { operation: 'UPDATE', oldObject: deployment() })],
  ['no oldObject on UPDATE', review(deployment(), { operation: 'UPDATE' })],
  ['an object that is an array', review([])],
  ['no uid', review(deployment(), { uid: '' })],
  ['an unknown operation', review(deployment(), { operation: 'PATCH' })],
  ['another kind', { ...review(deployment()), kind: 'Status' }],
  ['no request', { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }],
  ['an array', []],
  ['null', null],
] as const) {
  test(`A11: ${what} gets 400 with a reason`, async () => {
    const { status, text } = await testApp().send(body)
    assert.equal(status, 400)
    assert.match(text, /must be|only/)
  })
}

test('A11: wrong content type, no length, empty, not JSON, cut short', async () => {
  const { app } = testApp()
  const post = async (headers: Record<string, string>, payload?: string | Buffer) =>
    answerOf(await app.inject({ method: 'POST', url: '/mutate', headers, ...(payload !== undefined && { payload }) }))
  const seen = {
    form: await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'),
    yaml: await post({ 'content-type': 'application/yaml' }, 'a: 1'),
    noType: await post({}, Buffer.from('{}')),
    noLength: await post({ ...JSON_TYPE, 'transfer-encoding': 'chunked' }),
    empty: await post({ ...JSON_TYPE, 'content-length': '0' }),
    notJson: await post(JSON_TYPE, '{"secret-canary'),
    cut: await post({ ...JSON_TYPE, 'content-length': '100' }, '{}'),
    withCharset: await post(
      { 'content-type': 'Application/JSON; charset=utf-8' },
      JSON.stringify(review(deployment())),
    ),
  }
  const status = Object.fromEntries(Object.entries(seen).map(([name, answer]) => [name, answer.status]))
  assert.deepEqual(status, {
    ...{ form: 415, yaml: 415, noType: 415, noLength: 411, empty: 400, notJson: 400, cut: 400, withCharset: 200 },
  })
  assert.doesNotMatch(seen.notJson.text, /canary/)
  assert.match(seen.empty.text, /is empty/)
  for (const { text } of Object.values(seen)) assert.notEqual(text, '')
})

test('A11: 7 MiB is read, one byte more gets 413', async () => {
  const { app } = testApp()
  const post = (payload: string) => app.inject({ method: 'POST', url: '/mutate', headers: JSON_TYPE, payload })
  assert.equal((await post(reviewOfBytes(7 * MIB))).statusCode, 200)
  const refused = await post(reviewOfBytes(7 * MIB + 1))
  assert.equal(refused.statusCode, 413)
  assert.match(refused.body, /7340033 bytes, but at most 7340032/)
})

test('A11: __proto__ and constructor are keys like any other, and nobody else sees them', async () => {
  const { app } = testApp()
  const text = JSON.stringify(review(deployment({}, { EXTRA: 1 }))).replaceAll(
    '"EXTRA":1',
    '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}',
  )
  const { status, patch } = answerOf(
    await app.inject({ method: 'POST', url: '/mutate', headers: JSON_TYPE, payload: text }),
  )
  assert.equal(status, 200)
  for (const { path } of patch ?? []) assert.doesNotMatch(String(path), /containers\/0|__proto__/)
  assert.equal(({} as { polluted?: number }).polluted, undefined)
})

test('A11: a denial has 422, a heading and each problem on a line of its own', async () => {
  const { response } = await testApp().send(
    review(deployment({ annotations: { 'migrate.io/command': '', 'migrate.io/comand': 'x' } })),
  )
  assert.equal(response.allowed, false)
  const { code, reason, message } = response.status as { code: number; reason: string; message: string }
  assert.deepEqual([code, reason], [422, 'Invalid'])
  const [heading, ...problems] = message.split('\n')
  assert.match(heading ?? '', /^migrate\.io refuses/)
  assert.equal(problems.length, 2)
  for (const problem of problems) assert.match(problem, /^- /)
})

test('A11: an exception in the decision gets 500 that says nothing internal, a line in the log and a count', async () => {
  const { send, log, metrics } = testApp({
    decide() {
      throw new TypeError('internal-canary')
    },
  })
  const { status, text } = await send(review(deployment()))
  assert.equal(status, 500)
  assert.doesNotMatch(text, /canary|TypeError|at /)
  assert.match(log(), /"level":"error".*"deployment":"flask".*"type":"TypeError","at":\["at .*app\.test\.ts/)
  assert.match(await metrics(), /requests_total\{operation="none",outcome="error",reason="internal"\} 1/)
})

test('A11: an object nested too deeply for any code gets 400', async () => {
  const { app } = testApp()
  const depth = 100_000
  const text = JSON.stringify(review('DEEP')).replace(
    '"DEEP"',
    `{"spec":{"template":${'['.repeat(depth)}${']'.repeat(depth)}}}`,
  )
  const { statusCode } = await app.inject({ method: 'POST', url: '/mutate', headers: JSON_TYPE, payload: text })
  assert.ok(statusCode === 400 || statusCode === 200, `got ${statusCode}`)
  const overflow = testApp({ decide: () => overflowing() })
  const answer = await overflow.app.inject({ method: 'POST', url: '/mutate', headers: JSON_TYPE, payload: text })
  assert.equal(answer.statusCode, 400)
  assert.match(answer.body, /too deeply/)
})

function overflowing(): never {
  throw new RangeError('Maximum call stack size exceeded')
}

test('A11: other paths and methods get 404 with what there is', async () => {
  const { app } = testApp()
  for (const [method, url] of [
    ['GET', '/mutate'],
    ['POST', '/'],
    ['PUT', '/mutate'],
  ] as const) {
    const { statusCode, body } = await app.inject({ method, url })
    assert.equal(statusCode, 404)
    assert.match(body, /POST \/mutate/)
  }
})
