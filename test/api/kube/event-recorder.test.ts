import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createEventRecorder, type Regarding } from '../../../src/kube/event-recorder.ts'
import { sharedCluster } from '../../support/cluster/shared.ts'
import { place } from '../../support/kube/place.ts'
import { until } from '../../support/until.ts'

const cluster = await sharedCluster()
const LIMIT_MS = 30_000
const NAME = `${'a-long-name-'.repeat(20)}shop` // 244 characters, so that no suffix fits

const FAILED = {
  type: 'Warning',
  reason: 'MigrationFailed',
  action: 'Migrate',
  note: 'it ended with exit code 3',
} as const

test('kubectl describe shows what was recorded, once with a count where it was said again', async (t) => {
  const { api, namespace } = await place(t, cluster)
  const container = { name: 'app', image: 'app:1' }
  const { status, body } = await cluster.request('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
    metadata: { name: NAME },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: 'shop' } },
      template: { metadata: { labels: { app: 'shop' } }, spec: { containers: [container] } },
    },
  })
  assert.equal(status, 201, JSON.stringify(body))
  const { metadata } = (await api.read('Deployment', namespace, NAME)) ?? assert.fail()
  const regarding: Regarding = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: NAME, uid: metadata.uid }
  const lost: unknown[] = []
  const recorder = createEventRecorder({
    api,
    instance: 'controller-1',
    now: Date.now,
    unique: () => randomBytes(8).toString('hex'),
    onLost: (error) => lost.push(error),
  })
  for (let i = 0; i < 3; i++) recorder.record(namespace, async () => regarding, FAILED)
  recorder.record(namespace, async () => regarding, {
    ...FAILED,
    type: 'Normal',
    reason: 'MigrationSucceeded',
    note: 'ü'.repeat(2_000),
  })
  const events = await until(
    'all is said',
    async () =>
      JSON.parse((await cluster.kubectl(['get', 'events.events.k8s.io', '-n', namespace, '-o', 'json'])).stdout),
    {
      limitMs: LIMIT_MS,
      accept: ({ items }) => items.some((each: { reason: string }) => each.reason.endsWith('eeded')),
    },
  )
  await recorder.stop()
  assert.deepEqual(lost, [])
  const ours = events.items.filter(({ regarding: { uid } }: { regarding: Regarding }) => uid === metadata.uid)
  assert.deepEqual(
    ours
      .map(({ reason, series, note }: { reason: string; series?: { count: number }; note: string }) => [
        reason,
        series?.count ?? 1,
        Buffer.byteLength(note),
      ])
      .sort(),
    [
      ['MigrationFailed', 3, 25],
      ['MigrationSucceeded', 1, 1_023],
    ],
  )
  const { stdout } = await cluster.kubectl(['describe', 'deployment', NAME, '-n', namespace])
  assert.match(stdout, /Warning +MigrationFailed .*migrate\.io\/controller +it ended with exit code 3/)
})
