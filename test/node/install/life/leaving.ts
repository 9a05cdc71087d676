import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIGRATE_IO_NAME } from '../../../support/cluster/images/migrate-io.ts'
import { assertSameAs, everything } from '../../../support/deploy/everything.ts'
import { helm } from '../../../support/deploy/helm.ts'
import { CHART } from '../../../support/deploy/rendered.ts'
import { assertBare } from '../../../support/installation/ours.ts'
import { until } from '../../../support/until.ts'
import { withOverlay } from '../overlay.ts'
import { NAMESPACE, type Site } from '../site.ts'
import { type Apps, openApps } from './apps.ts'
import { uninjectAll } from './uninject.ts'

const LIMIT_MS = 120_000
const OURS = /migrate-io|migrate\.io/

export function testLeaving(site: Site): void {
  const { cluster } = site
  const worked = async (...args: string[]) => {
    const { code, stdout, stderr } = await helm(cluster, args)
    assert.equal(code, 0, stderr || stdout)
    return stdout
  }

  test('A6: uninject -A in a pod, then kubectl delete -k: nothing of ours stays', async (t) => {
    const apps = await openApps(site)
    await apps.rollOut('leaving')
    t.diagnostic(await uninjectAll(site))
    assertBare(await apps.place.deployment('leaving'))
    await apps.settled('leaving', 2)
    await withOverlay('self-managed', MIGRATE_IO_NAME, (folder) => cluster.kubectl(['delete', '-k', folder]))
    await until('nothing of ours is there', () => everything(cluster), {
      limitMs: LIMIT_MS,
      accept: (all) => !all.some((each) => OURS.test(each)),
    })
    await leave(site, apps)
  })

  test('A6: helm install, upgrade and uninstall, which says what is still injected: nothing of ours stays', async (t) => {
    const before = await everything(cluster)
    await cluster.kubectl(['create', 'namespace', NAMESPACE])
    await worked('install', 'migrate-io', CHART, '--wait', '--timeout', '180s')
    const apps = await openApps(site)
    await apps.rollOut('charted')
    const { spec } = await apps.place.deployment('charted')
    await worked('upgrade', 'migrate-io', CHART, '--set', 'logLevel=debug', '--wait', '--timeout', '180s')
    await worked('test', 'migrate-io')
    await apps.place.kubectl(['annotate', 'deployment/charted', 'note=a'])
    assert.deepEqual((await apps.place.deployment('charted')).spec, spec)

    const refused = await helm(cluster, ['uninstall', 'migrate-io', '--timeout', '120s'])
    assert.notEqual(refused.code, 0)
    t.diagnostic(refused.stdout + refused.stderr)
    assert.match(refused.stdout + refused.stderr, new RegExp(`${apps.place.name}/charted`))
    await uninjectAll(site)
    await worked('uninstall', 'migrate-io', '--timeout', '120s')
    await cluster.kubectl(['delete', 'namespace', NAMESPACE])
    await leave(site, apps)
    await assertSameAs(cluster, before)
  })
}

async function leave({ cluster }: Site, { place }: Apps): Promise<void> {
  await cluster.kubectl(['delete', 'namespace', place.name])
}
