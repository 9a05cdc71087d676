import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { KubeError } from '../../../src/kube/api.ts'
import { createApi } from '../../../src/kube/client.ts'
import type { Metadata, Pod } from '../../../src/kube/objects.ts'
import { connect, type TransportLimits } from '../../../src/kube/transport.ts'
import { answer, FakeApiServer, type Handler, refuse, targetAt } from '../../support/kube/fake-api-server.ts'
import { configMap, list, pod } from '../../support/kube/objects.ts'

async function serve(t: TestContext, handler: Handler, limits: Partial<TransportLimits> = {}) {
  const server = await FakeApiServer.start(t, handler)
  const transport = await connect(server.target, limits)
  t.after(() => transport.close())
  return { server, transport, api: createApi(transport) }
}

const nameOf = ({ metadata }: { metadata: Metadata }) => metadata.name

function failing(code: KubeError['code'], message: RegExp, retryAfterMs?: number) {
  return (error: unknown) => {
    assert.ok(error instanceof KubeError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    assert.equal(error.retryAfterMs, retryAfterMs)
    return true
  }
}

test('fields that nobody here has heard of survive a replace, and times stay as they are', async (t) => {
  const stored = { kind: 'ConfigMap', ...configMap('m', 7), future: { field: [1, null, 'x'] } }
  const { api, server } = await serve(t, (response, { body }) =>
    answer(response, 200, body ? JSON.parse(body) : stored),
  )
  const read = await api.read('ConfigMap', 'shop', 'm')
  assert.ok(read)
  read.metadata.creationTimestamp = '2026-01-02T03:04:05.000006Z'
  await api.replace('ConfigMap', read)
  const { body, method, url } = server.requests[1] ?? assert.fail()
  assert.equal(method, 'PUT')
  assert.equal(`${url.pathname}${url.search}`, '/api/v1/namespaces/shop/configmaps/m?fieldManager=migrate-io')
  const sent = JSON.parse(body)
  assert.deepEqual(sent.future, { field: [1, null, 'x'] })
  assert.equal(sent.metadata.creationTimestamp, '2026-01-02T03:04:05.000006Z')
})

test('reads ask the store and not a cache: no resourceVersion is sent', async (t) => {
  const { api, server } = await serve(t, (response, { url }) =>
    answer(response, 200, url.pathname.endsWith('/pods') ? list([], 1) : { kind: 'Pod', ...pod('a', 1) }),
  )
  await api.read('Pod', 'shop', 'a')
  await api.list('Pod', { namespace: 'shop', labelSelector: 'app=a,b in (c)' }, nameOf)
  for (const { url } of server.requests) assert.equal(url.searchParams.has('resourceVersion'), false)
  assert.equal(server.requests[1]?.url.searchParams.get('labelSelector'), 'app=a,b in (c)')
})

test('of ReplicaSets only the metadata is asked for, and nothing else taken for an answer', async (t) => {
  const { api, server } = await serve(t, (response, { url }) => {
    const isList = url.pathname.endsWith('/replicasets')
    const found = { ...configMap('web-a', 1), kind: 'PartialObjectMetadata' }
    answer(response, 200, isList ? { ...list([found], 1), kind: 'PartialObjectMetadataList' } : found)
  })
  assert.equal((await api.read('ReplicaSet', 'shop', 'web-a'))?.metadata.name, 'web-a')
  assert.equal((await api.list('ReplicaSet', { namespace: 'shop' }, nameOf)).length, 1)
  await assert.rejects(api.read('Deployment', 'shop', 'web-a'), failing('unavailable', /isn't of kind Deployment/))
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.accept),
    [
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      'application/json',
    ],
  )
})

test('L6: only a 404 that names the object says that it is gone; any other says nothing about it', async (t) => {
  const answers: unknown[] = [
    { kind: 'Status', reason: 'NotFound', details: { name: 'a', kind: 'pods' }, code: 404 },
    { kind: 'Status', reason: 'NotFound', details: {}, message: 'the server could not find the requested resource' },
    { kind: 'Status', reason: 'NotFound', details: { name: 'b', kind: 'pods' }, code: 404 },
    '404 page not found',
  ]
  const { api } = await serve(t, (response) => answer(response, 404, answers.shift()))
  assert.equal(await api.read('Pod', 'shop', 'a'), undefined)
  for (let nth = 0; nth < 3; nth++) await assert.rejects(api.read('Pod', 'shop', 'a'), failing('unavailable', /404/))
})

test('L6: a 200 that is no pod, or no list, is no answer', async (t) => {
  const { api } = await serve(t, (response) => answer(response, 200, { login: 'please' }))
  await assert.rejects(
    api.read('Pod', 'shop', 'a'),
    failing('unavailable', /get pod shop\/a: the answer isn't of kind Pod/),
  )
  await assert.rejects(api.list('Pod', {}, nameOf), failing('unavailable', /isn't a list/))
})

for (const [code, more, headers, expected, message] of [
  [400, {}, {}, 'invalid', /refused by 400/],
  [401, {}, {}, 'forbidden', /does not accept these credentials/],
  [403, {}, {}, 'forbidden', /verb "patch" on resource "pods\/status" of API group "" in namespace shop/],
  [403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } }, {}, 'conflict', /403/],
  [404, { reason: 'NotFound', details: { name: 'a' } }, {}, 'conflict', /404/],
  [404, {}, {}, 'unavailable', /404/],
  [409, {}, {}, 'conflict', /409/],
  [413, {}, {}, 'invalid', /413/],
  [422, { details: { causes: [{ field: 'metadata.uid' }] } }, {}, 'conflict', /422/],
  [422, { details: { causes: [{ field: 'metadata.annotations' }] } }, {}, 'invalid', /422/],
  [429, {}, { 'retry-after': '3' }, 'unavailable', /429/],
  [500, { details: { retryAfterSeconds: 3 } }, {}, 'unavailable', /500/],
  [503, {}, { 'retry-after': 'soon' }, 'unavailable', /503/],
  [302, {}, { location: '/login' }, 'unavailable', /302/],
] as const) {
  test(`a write answered by ${code} ${JSON.stringify(more)} fails as ${expected}`, async (t) => {
    const { api } = await serve(t, (response) => refuse(response, code, more, headers))
    const wait = code === 429 || code === 500 ? 3000 : undefined
    await assert.rejects(api.annotatePod({ ...pod('a', 1).metadata }, { x: '1' }), failing(expected, message, wait))
  })
}

test('what is missing is said for lists of all namespaces too', async (t) => {
  const { api } = await serve(t, (response) => refuse(response, 403))
  const words =
    /list deployment of all namespaces: 403 .* verb "list" on resource "deployments" of API group "apps" in all/
  await assert.rejects(api.list('Deployment', {}, nameOf), failing('forbidden', words))
})

test('a write without UID or resourceVersion is not sent', async (t) => {
  const { api, server } = await serve(t, (response) => answer(response, 200, {}))
  const { metadata } = pod('a', 1)
  await assert.rejects(api.annotatePod({ ...metadata, uid: '' }, {}), failing('invalid', /compared and swapped/))
  await assert.rejects(
    api.replace('Pod', { spec: {}, metadata: { ...metadata, resourceVersion: '' } }),
    failing('invalid', /compared and swapped/),
  )
  assert.equal(server.requests.length, 0)
})

test('O4: a call that hangs, before or within its answer, ends at its limit', async (t) => {
  let isFirst = true
  const { api } = await serve(
    t,
    (response) => {
      if (isFirst) response.writeHead(200, { 'content-type': 'application/json' }).write('{"kind": "Pod", ')
      isFirst = false
    },
    { callMs: 200 },
  )
  for (let nth = 0; nth < 2; nth++)
    await assert.rejects(
      api.read('Pod', 'shop', 'a'),
      failing('unavailable', /get pod shop\/a: no answer within 0.2 s/),
    )
})

test('O4: a reset, a cut answer and half a JSON text fail as unavailable', async (t) => {
  const ways: Handler[] = [
    (response) => response.socket?.resetAndDestroy(),
    (response) => {
      response.writeHead(200, { 'content-length': '100', 'content-type': 'application/json' }).write('{"kind"', () => {
        response.socket?.destroy()
      })
    },
    (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"kind"'),
  ]
  const { api } = await serve(t, (response, seen) => (ways.shift() ?? assert.fail())(response, seen))
  const version = pod('a', 1).metadata
  for (let nth = 0; nth < 3; nth++)
    await assert.rejects(api.annotatePod(version, {}), failing('unavailable', /patch status of pod shop\/a: /))
})

test('calls use one connection again; a read whose idle connection was just closed is asked once more', async (t) => {
  let closeOnNext = false
  const { api, server } = await serve(t, (response) => {
    if (closeOnNext) response.socket?.resetAndDestroy()
    else answer(response, 200, { kind: 'Pod', ...pod('a', 1) })
    closeOnNext = false
  })
  for (let nth = 0; nth < 5; nth++) await api.read('Pod', 'shop', 'a')
  assert.equal(server.connections, 1)
  closeOnNext = true
  assert.equal((await api.read('Pod', 'shop', 'a'))?.metadata.name, 'a')
  assert.equal(server.connections, 2)
  closeOnNext = true
  await assert.rejects(api.annotatePod(pod('a', 1).metadata, {}), failing('unavailable', /ECONNRESET|hang up/))
})

test('nobody listens: unavailable, with the reason', async () => {
  const transport = await connect(targetAt('http://127.0.0.1:9'))
  await assert.rejects(createApi(transport).read('Pod', 'shop', 'a'), failing('unavailable', /ECONNREFUSED/))
})

test('a list comes in pages; an expired continuation starts it anew, and only so often', async (t) => {
  const pages = new Map([
    ['', list([pod('a', 1), pod('b', 2)], 9, 'second')],
    ['second', list([pod('c', 3)], 9)],
  ])
  let expired = 1
  const { api, server } = await serve(t, (response, { url }) => {
    const token = url.searchParams.get('continue') ?? ''
    if (token !== '' && expired-- > 0) refuse(response, 410, { reason: 'Expired' })
    else answer(response, 200, pages.get(token))
  })
  const names = await api.list('Pod', {}, nameOf)
  assert.deepEqual(names, ['a', 'b', 'c'])
  assert.equal(server.requests.length, 4)
  expired = Number.POSITIVE_INFINITY
  await assert.rejects(api.list('Pod', {}, nameOf), failing('unavailable', /410/))
})

describe('S6: a list of objects of a megabyte each', () => {
  /** Serves so many pods, page by page as asked, and notes how many were asked for. */
  async function servePods(t: TestContext, sizes: readonly number[]) {
    const limits: number[] = []
    const served = await serve(t, (response, { url }) => {
      const limit = Number(url.searchParams.get('limit'))
      const from = Number(url.searchParams.get('continue') ?? '0')
      limits.push(limit)
      const items = sizes
        .slice(from, from + limit)
        .map((size, nth) => pod(`p-${from + nth}`, 1, { annotations: { large: 'x'.repeat(size) } }))
      const next = from + limit < sizes.length ? String(from + limit) : undefined
      answer(response, 200, list(items, 9, next))
    })
    return { ...served, limits }
  }
  const namesOf = (count: number) => Array.from({ length: count }, (_, nth) => `p-${nth}`)

  test('S6: comes whole, in pages as small as it takes, and in larger ones behind them', async (t) => {
    const sizes = [...Array(30).fill(1_400_000), ...Array(100).fill(1_000)]
    const { api, limits } = await servePods(t, sizes)
    assert.deepEqual(await api.list('Pod', {}, nameOf), namesOf(130))
    assert.deepEqual(limits.slice(0, 3), [10, 2, 2])
    assert.equal(limits.at(-1), 50)
  })

  test('S6: also where large ones come behind small ones, or a single one is larger than a page', async (t) => {
    const { api } = await servePods(t, [...Array(100).fill(100), 9_000_000, ...Array(9).fill(1_400_000)])
    assert.deepEqual(await api.list('Pod', {}, nameOf), namesOf(110))
  })

  test('S6: an answer without end is given up, and is no answer', async (t) => {
    const { api } = await servePods(t, [20_000_000])
    await assert.rejects(api.list('Pod', {}, nameOf), failing('unavailable', /more than 16777216 bytes/))
    await assert.rejects(api.list('Pod', { namespace: 'shop' }, nameOf), failing('unavailable', /list pod/))
  })
})

test('S6: what is kept of a kind is all that any call gives of it, and the API server is sent the whole', async (t) => {
  const { server } = await serve(t, (response, { method }) =>
    answer(response, method === 'POST' ? 201 : 200, { kind: 'Pod', ...pod('a', 1, { annotations: { large: 'x' } }) }),
  )
  const transport = await connect(server.target)
  t.after(() => transport.close())
  const kept = { Pod: ({ metadata: { annotations: _, ...metadata } }: Pod): Pod => ({ metadata, spec: {} }) }
  const api = createApi(transport, kept)
  const whole = pod('a', 1, { annotations: { large: 'x' } })
  const answers = [
    await api.read('Pod', 'shop', 'a'),
    await api.create('Pod', whole),
    await api.replace('Pod', whole),
    await api.annotatePod(whole.metadata, {}),
  ]
  for (const each of answers) assert.deepEqual(each, kept.Pod(whole))
  assert.match(server.requests[1]?.body ?? '', /"large":"x"/)
})

test('S6: nothing is asked about a text that is no name of an object: there is none', async (t) => {
  const { api, server } = await serve(t, (response) => refuse(response, 404))
  for (const name of ['a/b', '..', '', 'A', 'x'.repeat(254), 'a\nb'])
    assert.equal(await api.read('Pod', 'shop', name), undefined)
  assert.equal(server.requests.length, 0)
})
