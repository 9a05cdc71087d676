import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { openShop, type Shop, sharedStage } from '../../support/lock/stage.ts'
import { appStarts, deployFlask, earlyStarts, overlaps, runs } from '../../support/node/flask.ts'
import { timed } from '../../support/node/rollout.ts'
import { LIMIT_MS } from '../../support/node/site.ts'
import { until } from '../../support/until.ts'

const stage = await sharedStage('once')
const { cluster } = stage

const SLOW = { UPGRADE_SECONDS: '3', MIGRATION_SECONDS: '1' }
const KEEP = { 'migrate.io/strategy': 'keep' }
const STRATEGIES = {
  ours: { replicas: 10 },
  kept: { replicas: 5, annotations: KEEP },
  'all at once': {
    replicas: 5,
    annotations: KEEP,
    change: ({ spec }: { spec: object }) =>
      Object.assign(spec, {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '100%', maxUnavailable: '50%' } },
      }),
  },
  Recreate: {
    replicas: 5,
    change: ({ spec }: { spec: object }) => Object.assign(spec, { strategy: { type: 'Recreate' } }),
  },
} as const

/** One run for each revision so far, none beside another, and no app before its end. */
async function assertOnce({ database }: Shop, revisions: number): Promise<void> {
  const all = await runs(database)
  assert.equal(all.length, revisions, JSON.stringify(all))
  assert.equal(new Set(all.map(({ replicaSet }) => replicaSet)).size, revisions, 'each of another revision')
  assert.deepEqual(
    all.filter(({ error, ended_at }) => error !== null || ended_at === null),
    [],
  )
  assert.deepEqual(await overlaps(database), [])
  assert.deepEqual(await earlyStarts(database), [])
}

describe('once per revision', () => {
  for (const [name, options] of Object.entries(STRATEGIES))
    test(`L1: ${name}: creation, restart, image, scale-up meanwhile: one run each`, async (t) => {
      const shop = await openShop(stage)
      const { kubectl } = shop.site.place
      const took: string[] = []
      const rollout = async (what: string, call: () => Promise<unknown>) => {
        const seconds = await timed(shop.site.place, 'flask', call)
        took.push(`${what} ${seconds.toFixed(1)} s`)
      }
      const env = SLOW
      await rollout('creation', () => deployFlask(cluster, shop.name, { ...options, env }))
      await assertOnce(shop, 1)
      assert.equal((await appStarts(shop.database)).length, options.replicas)
      await rollout('restart', () => kubectl(['rollout', 'restart', 'deployment/flask']))
      await assertOnce(shop, 2)
      await rollout('image and scale-up', async () => {
        await deployFlask(cluster, shop.name, { ...options, env, version: '2' })
        await until(
          'the new revision is there',
          async () => (await shop.site.place.replicaSets('flask')).length === 3,
          {
            limitMs: LIMIT_MS,
          },
        )
        await kubectl(['scale', 'deployment/flask', `--replicas=${options.replicas + 3}`])
      })
      await assertOnce(shop, 3)
      t.diagnostic(took.join(', '))
    })
})
