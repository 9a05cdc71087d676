import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, connect as open } from 'node:net'
import { test } from 'node:test'
import { createApi } from '../../../src/kube/client.ts'
import { connect } from '../../../src/kube/transport.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { targetOf } from '../../support/kube/place.ts'

const cluster = await sharedCluster()

test("a kubeconfig's proxy-url is used, and the API server's certificate is still checked behind it", async (t) => {
  const asked: string[] = []
  const proxy = createServer().on('connect', (request, client) => {
    asked.push(request.url ?? '')
    const upstream = open(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    for (const socket of [client, upstream]) socket.on('error', () => {})
  })
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening))
  t.after(() => proxy.close())
  const target = await targetOf(cluster)
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const transport = await connect({ ...target, cluster: { ...target.cluster, proxyUrl } })
  t.after(() => transport.close())
  assert.equal(await createApi(transport).read('Pod', 'default', 'none'), undefined)
  assert.deepEqual(asked, [new URL(cluster.url).host])

  const { caData: _, ...unchecked } = target.cluster
  const stranger = await connect({ ...target, cluster: { ...unchecked, proxyUrl } })
  t.after(() => stranger.close())
  await assert.rejects(createApi(stranger).read('Pod', 'default', 'none'), {
    code: 'unavailable',
    message: /certificate/,
  })
})

test('a missing permission is said with verb, resource and namespace', async (t) => {
  const target = await targetOf(cluster)
  const transport = await connect({ ...target, user: { ...target.user, impersonateUser: 'nobody' } })
  t.after(() => transport.close())
  const api = createApi(transport)
  const message =
    /get configmap shop\/x: 403 .*; this needs verb "get" on resource "configmaps" of API group "" in namespace shop/
  await assert.rejects(api.read('ConfigMap', 'shop', 'x'), { code: 'forbidden', message })
  await assert.rejects(
    api.list('Lease', {}, ({ metadata }) => metadata.name),
    { code: 'forbidden', message: /"leases".*"coordination.k8s.io" in all/ },
  )
})
