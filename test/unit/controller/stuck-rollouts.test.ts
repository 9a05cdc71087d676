import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStuckRollouts } from '../../../src/controller/stuck-rollouts.ts'
import { createApi } from '../../../src/kube/client.ts'
import type { Announcement } from '../../../src/kube/event-recorder.ts'
import { connect } from '../../../src/kube/transport.ts'
import { configMapOf, NOW, podOf, replicaSetOf } from '../../support/controller/objects.ts'
import { answer, FakeApiServer, refuse } from '../../support/kube/fake-api-server.ts'
import { FakeClock } from '../../support/kube/fake-clock.ts'
import { injected } from '../../support/status/injected.ts'
import { until } from '../../support/until.ts'

const STUCK = podOf({ state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image' } } })
/** By namespace, in the order in which they are looked at. */
const ENTRIES = {
  bad: { 'failed.a': JSON.stringify({ count: 1, exit: 1, next: '-271821-04-20T00:00:00Z' }) },
  odd: { 'completed.a': '{"pod":"p","image":"","started":"2026-01-01T00:00:00Z","seconds":1e15,"number":1}' },
  shop: {},
}

test('Whatever one namespace holds, or though it can’t be read, people are told of the others', async (t) => {
  let unread = 'bad'
  const server = await FakeApiServer.start(t, (response, { url }) => {
    const [, namespace = '', kind = ''] = /\/namespaces\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? []
    if (namespace === unread) return refuse(response, 500)
    const here = <T extends { metadata: object }>(one: T) => ({ ...one, metadata: { ...one.metadata, namespace } })
    const entries = ENTRIES[namespace as keyof typeof ENTRIES]
    const items = {
      deployments: [here(deployment())],
      replicasets: [here(replicaSetOf())],
      pods: [here(STUCK)],
      configmaps: [here(configMapOf({ entries }))],
    }[kind]
    if (items === undefined) return refuse(response, 403)
    const name = kind === 'replicasets' ? 'PartialObjectMetadata' : kind
    return answer(response, 200, { kind: `${name}List`, metadata: { resourceVersion: '1' }, items })
  })
  const transport = await connect(server.target)
  t.after(() => transport.close())
  const clock = new FakeClock()
  const said: [string, Announcement][] = []
  const lasting: (readonly string[])[] = []
  const failures: unknown[] = []
  const stuckRollouts = createStuckRollouts({
    cluster: { transport, api: createApi(transport) },
    leader: { leader: 'this one', namespace: 'migrate-io' },
    pending: () => Object.keys(ENTRIES).map((namespace) => `${namespace}/web`),
    now: () => NOW + clock.nowMs(),
    clock,
    publish: (announcement, { namespace }) => said.push([namespace, announcement]),
    onStuck: (reasons) => lasting.push(reasons),
    onFailure: (error) => failures.push(error),
  })
  t.after(() => stuckRollouts.stop())
  const look = async () => {
    const before = lasting.length
    const isDone = async () => {
      if (clock.pending > 0) await clock.advance(20_000)
      return lasting.length > before
    }
    await until('it has looked', isDone, { limitMs: 10_000 })
  }
  stuckRollouts.start()
  await look()
  await look()
  assert.deepEqual(
    said.map(([namespace, { reason }]) => [namespace, reason]),
    [['shop', 'MigrationWaiting']],
  )
  assert.deepEqual(lasting.at(-1), ['image-pull'])
  assert.ok(failures.length > 0)

  unread = 'shop'
  await look()
  assert.deepEqual(lasting.at(-1), ['image-pull'], 'it is not over because it can’t be read')
})

test('S6: a namespace that takes long is looked at last, and as much more seldom; nothing of it delays a stop', async (t) => {
  const clock = new FakeClock()
  const slow = new Map([['heavy', 9_000]])
  const asked: string[] = []
  let hangs = false
  let hung = 0
  const failures: unknown[] = []
  const server = await FakeApiServer.start(t, async (response, { url }) => {
    const [, namespace = '', kind = ''] = /\/namespaces\/([^/]+)\/([^/]+)$/.exec(url.pathname) ?? []
    if (hangs) {
      hung++
      return
    }
    if (kind === 'deployments') {
      asked.push(namespace)
      await clock.advance(slow.get(namespace) ?? 10)
    }
    const listed = kind === 'replicasets' ? 'PartialObjectMetadata' : kind
    if (!['deployments', 'replicasets', 'pods', 'configmaps'].includes(kind)) return refuse(response, 403)
    return answer(response, 200, { kind: `${listed}List`, metadata: { resourceVersion: '1' }, items: [] })
  })
  const transport = await connect(server.target)
  t.after(() => transport.close())
  let rounds = 0
  const stuckRollouts = createStuckRollouts({
    cluster: { transport, api: createApi(transport) },
    leader: { leader: 'this one', namespace: 'migrate-io' },
    pending: () => ['heavy', 'a', 'b'].map((namespace) => `${namespace}/web`),
    now: () => NOW + clock.nowMs(),
    clock,
    publish: () => {},
    onStuck: () => rounds++,
    onFailure: (error) => failures.push(error),
  })
  const round = async () => {
    const before = rounds
    const isDone = async () => {
      if (clock.pending > 0) await clock.advance(20_000)
      return rounds > before
    }
    await until('it has looked', isDone, { limitMs: 10_000 })
  }
  stuckRollouts.start()
  for (let nth = 0; nth < 10; nth++) await round()
  assert.equal(asked.filter((namespace) => namespace === 'heavy').length, 2, asked.join())
  assert.ok(asked.filter((namespace) => namespace === 'a').length >= 8, asked.join())
  assert.ok(['a', 'b'].includes(asked[asked.lastIndexOf('heavy') - 1] ?? ''), 'the quick ones come first')
  hangs = true
  await clock.advance(20_000)
  await until('it has asked', () => hung > 0, { limitMs: 10_000 })
  await stuckRollouts.stop()
  assert.deepEqual(failures, [], 'it has not waited until the API server was given up')
})

function deployment() {
  const manifest = injected('web')
  const annotations = { ...manifest.metadata.annotations, 'deployment.kubernetes.io/revision': '1' }
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations, uid: 'uid of web', resourceVersion: '5', generation: 2 },
    status: { observedGeneration: 2 },
  }
}
