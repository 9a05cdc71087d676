import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAMESPACE, type Site } from '../site.ts'
import { assertStartsAtOnce, openApps, scaleOurs } from './apps.ts'

/** Failure of ours is nobody else's. */
export function testOutage(site: Site): void {
  test('L2, A11: with all our pods gone recorded revisions start, others are left alone, and a refusal names us', async (t) => {
    const apps = await openApps(site)
    const { place } = apps
    await apps.rollOut('recorded')
    await scaleOurs(site, 0)
    t.after(() => scaleOurs(site, 2))
    await assertStartsAtOnce(apps, 'recorded')

    const bare = apps.bare('bare')
    await place.send('apply', bare)
    await place.kubectl(['set', 'env', 'deployment/bare', 'LATER=1'])
    await apps.settled('bare', 2)
    const outside = await site.cluster.kubectl(['create', 'namespace', `outside-${place.name}`])
    assert.equal(outside.code, 0)
    const elsewhere = (args: string[], input?: string) =>
      site.cluster.kubectl([`--namespace=outside-${place.name}`, ...args], input === undefined ? {} : { input })
    const annotated = { ...bare, metadata: { ...bare.metadata, annotations: { 'migrate.io/command': 'true' } } }
    await elsewhere(['apply', '-f', '-'], JSON.stringify(annotated))
    await elsewhere(['rollout', 'status', 'deployment/bare', '--timeout=60s'])

    const refused = await place.send('apply', annotated, { allowFailure: true })
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /failed calling webhook "inject\.migrate\.io"/)
    assert.match(refused.stderr, new RegExp(`migrate-io-webhook\\.${NAMESPACE}\\.svc`))
    t.diagnostic(refused.stderr.trim())
  })
}
