import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type InformerTrouble, startInformer } from '../../../src/kube/informer.ts'
import { connect } from '../../../src/kube/transport.ts'
import { type Cluster, startCluster } from '../../support/cluster/cluster.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { place, podMaker, targetOf } from '../../support/kube/place.ts'
import { startTcpProxy } from '../../support/kube/tcp-proxy.ts'
import { isFullLength, lasted, length } from '../../support/runner/full-length.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 30_000
// Three times the figures of O4.
const AFTER_RETURN_MS = 3 * 5_000
const AFTER_IDLE_MS = 3 * 1_000

/** A watch as the controller has it, of one namespace, and what its handlers were told. */
async function watchPods(t: TestContext, namespace: string, options: Parameters<typeof targetOf>) {
  const transport = await connect(await targetOf(...options))
  const told: string[] = []
  const troubles: InformerTrouble[] = []
  const watch = startInformer(transport, {
    kind: 'Pod',
    selection: { namespace, labelSelector: 'migrate.io/protocol', fieldSelector: 'status.phase=Pending' },
    project: ({ metadata: { name, uid, resourceVersion } }) => ({ name, uid, resourceVersion }),
    handlers: {
      changed: ({ name }, before) => told.push(`${before ? 'changed' : 'new'} ${name}`),
      gone: ({ name }) => told.push(`gone ${name}`),
    },
    onTrouble: (trouble) => troubles.push(trouble),
  })
  t.after(async () => {
    await watch.stop()
    transport.close()
  })
  const sees = (event: string, limitMs = LIMIT_MS) =>
    until(`it sees "${event}"`, () => (told.includes(event) ? true : undefined), { limitMs, intervalMs: 10 }).catch(
      (cause) => {
        throw new Error(`seen: ${told.join(', ')}; troubles: ${troubles.map(({ error }) => error).join(', ')}`, {
          cause,
        })
      },
    )
  return { watch, told, troubles, sees }
}

/** Without the changes in between: a deletion is one, and other controllers make some. */
const comings = (told: readonly string[]) => told.filter((each) => !each.startsWith('changed')).toSorted()

const portOf = ({ url }: Pick<Cluster, 'url'>) => Number(new URL(url).port)

test('pods come, change, and go when they are deleted or leave the selection', async (t) => {
  const { namespace, makePod, api } = await place(t, cluster)
  await makePod('a')
  const { told, sees, troubles } = await watchPods(t, namespace, [cluster])
  await sees('new a')
  await makePod('b')
  await sees('new b')
  const { metadata } = (await api.read('Pod', namespace, 'b')) ?? assert.fail()
  await api.annotatePod(metadata, { 'migrate.io/grant': 'run 1' })
  await sees('changed b')
  const toRunning = { status: { phase: 'Running' } }
  const path = `/api/v1/namespaces/${namespace}/pods/b/status`
  await cluster.request('PATCH', path, toRunning, { 'content-type': 'application/merge-patch+json' })
  await sees('gone b')
  await cluster.kubectl(['delete', 'pod', 'a', '-n', namespace, '--force', '--grace-period=0'])
  await sees('gone a')
  assert.deepEqual(comings(told), ['gone a', 'gone b', 'new a', 'new b'])
  assert.deepEqual(troubles, [])
})

describe('the connection to the API server', { concurrency: true }, () => {
  test('O4: a watch in which nothing happens for a while still sees the next pod within 1 s', async (t) => {
    const { namespace, makePod } = await place(t, cluster)
    const { told, sees } = await watchPods(t, namespace, [cluster])
    await makePod('before')
    await sees('new before')
    await lasted(Date.now(), length.idleMs)
    const from = performance.now()
    await makePod('after')
    await sees('new after', AFTER_IDLE_MS)
    t.diagnostic(`seen ${Math.round(performance.now() - from)} ms after its request was sent`)
    assert.deepEqual(comings(told), ['new after', 'new before'])
  })

  test('O4: connections are reset again and again while pods come: each is seen once, within 5 s', async (t) => {
    await using proxy = await startTcpProxy(portOf(cluster))
    const { namespace, makePod } = await place(t, cluster)
    const { told, sees } = await watchPods(t, namespace, [cluster, proxy.port])
    await makePod('p-0')
    await sees('new p-0')
    const names = Array.from({ length: 12 }, (_, nth) => `p-${nth + 1}`)
    for (const [nth, name] of names.entries()) {
      if (nth % 3 === 0) proxy.reset()
      await makePod(name)
      if (nth % 4 === 0) proxy.reset()
    }
    for (const name of names) await sees(`new ${name}`, AFTER_RETURN_MS)
    assert.deepEqual(comings(told), ['p-0', ...names].map((name) => `new ${name}`).toSorted())
  })

  test('O4: a network that swallows all for a while is noticed, and pods are seen soon after its return', async (t) => {
    await using proxy = await startTcpProxy(portOf(cluster))
    const { namespace, makePod } = await place(t, cluster)
    const { told, troubles, sees } = await watchPods(t, namespace, [cluster, proxy.port])
    await makePod('listed')
    await sees('new listed')
    await makePod('before')
    await sees('new before') // by the stream, which is open now
    const from = Date.now()
    proxy.hold()
    await makePod('during')
    // In minutes it notices the silence by itself, else by what it meets anew.
    if (!isFullLength) proxy.reset()
    const meetsSilence = () => (isFullLength ? troubles.length > 0 : proxy.connections > 0)
    await until('it meets the silence', meetsSilence, { limitMs: LIMIT_MS + length.outageMs })
    await lasted(from, length.outageMs)
    await cluster.kubectl(['delete', 'pod', 'before', '-n', namespace, '--force', '--grace-period=0'])
    proxy.release()
    await sees('new during', AFTER_RETURN_MS)
    await sees('gone before', AFTER_RETURN_MS)
    assert.deepEqual(comings(told), ['gone before', 'new before', 'new during', 'new listed'])
  })

  test('O4: the API server is killed and comes back, twice: all is seen within 5 s, nothing lost or doubled', async (t) => {
    await using own = await startCluster()
    const makePod = podMaker(own, 'default')
    await makePod('stays')
    await makePod('goes')
    const { told, troubles, sees } = await watchPods(t, 'default', [own])
    await sees('new stays')
    await sees('new goes')
    for (const round of [1, 2]) {
      await own.stop('kube-apiserver')
      const from = Date.now()
      await until('the watch has noticed', () => troubles.length > 0, { limitMs: LIMIT_MS })
      await lasted(from, length.outageMs)
      troubles.length = 0
      await own.start('kube-apiserver')
      await makePod(`round-${round}`)
      await sees(`new round-${round}`, AFTER_RETURN_MS)
    }
    await own.kubectl(['delete', 'pod', 'goes', '--force', '--grace-period=0'])
    await sees('gone goes')
    assert.deepEqual(comings(told), ['gone goes', 'new goes', 'new round-1', 'new round-2', 'new stays'])
  })
})
