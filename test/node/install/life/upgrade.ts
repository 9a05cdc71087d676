import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '../../../../src/kube/objects.ts'
import { makeAnotherVersion, OTHER_LINE } from '../../../support/installation/another-version.ts'
import { assertInjected } from '../../../support/installation/ours.ts'
import { versionImage } from '../../../support/installation/version-image.ts'
import { ours } from '../../../support/node/site.ts'
import { until } from '../../../support/until.ts'
import type { Site } from '../site.ts'
import { type Apps, openApps } from './apps.ts'

const LIMIT_MS = 120_000
const CONTAINER = 'migrate-io'
/** Ends when the test lets it. */
const LONG = 'echo started; until [ -e /tmp/go ]; do sleep 0.2; done; echo migrated'

export function testUpgrade(site: Site): void {
  const { cluster } = site

  test('A4, L2: an upgrade in the middle of a migration: it goes on and ends well, once, and no rollout starts', async () => {
    using next = makeAnotherVersion({ isReleased: true })
    const image = await versionImage(next.root)
    const apps = await openApps(site)
    const { place } = apps
    await apps.rollOut('done')
    await apps.apply('busy', { command: LONG })
    const runner = await until('a migration runs', () => runnerOf(apps), { limitMs: LIMIT_MS })
    const before = await stateOf(apps)

    await site.apply({ image })
    assert.deepEqual(await stateOf(apps), before, 'no pod of anybody has changed')
    for (const name of ['done', 'busy']) {
      const { spec } = await place.deployment(name)
      await place.kubectl(['annotate', `deployment/${name}`, 'note=a'])
      assert.deepEqual((await place.deployment(name)).spec, spec)
      assert.equal((await place.replicaSets(name)).length, 1)
    }
    const still = (await runnerOf(apps)) ?? assert.fail('it still runs')
    assert.equal(still.metadata.uid, runner.metadata.uid)
    assert.equal(ours(still)?.restartCount, 0)

    const { number } = await apps.record('busy')
    const release = ['touch', '/tmp/go']
    await cluster.exec(still.metadata.name, release, { namespace: place.name, container: CONTAINER })
    const pods = await apps.settled('busy', 2)
    const record = await apps.record('busy')
    assert.deepEqual([record.number, record.completed.length], [number, 1], 'the one run counts')
    const texts = pods.map(({ metadata }) =>
      cluster.logs(metadata.name, { namespace: place.name, container: CONTAINER }),
    )
    const runs = (await Promise.all(texts)).filter((text) => /^migrated$/m.test(text))
    assert.equal(runs.length, 1)

    // A restart alone keeps the wrapper that it has, and so does what changes our container as well.
    await place.kubectl(['set', 'env', 'deployment/done', '--containers=app', 'LATER=1'])
    await place.kubectl(['rollout', 'status', 'deployment/done', '--timeout=120s'])
    const wrapper = assertInjected(await place.deployment('done')).command?.[2]
    assert.ok(wrapper?.startsWith(OTHER_LINE), 'the other version answers')
    assert.equal((await apps.record('done')).completed.length, 2)
  })
}

/** The pod of the Deployment whose migration has started. */
async function runnerOf(apps: Apps): Promise<Pod | undefined> {
  const pods = await apps.pods('busy')
  const { number } = await apps.record('busy')
  return pods.find(({ metadata }) => metadata.annotations?.['migrate.io/grant'] === `run ${number}`)
}

async function stateOf(apps: Apps): Promise<unknown> {
  const all = [...(await apps.pods('done')), ...(await apps.pods('busy'))]
  return all.map((pod) => [pod.metadata.uid, ours(pod)?.restartCount]).toSorted()
}
