import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { sharedCluster } from '../../support/cluster/shared.ts'
import {
  APP_IMAGE,
  ARTICLE_STRATEGY,
  app,
  DEFAULT_STRATEGY,
  type Deployment,
  flask,
  type Strategy,
  withoutAnnotations,
} from '../../support/installation/deployment.ts'
import { expanded } from '../../support/installation/expansion.ts'
import { installWebhook } from '../../support/installation/install.ts'
import type { Installation } from '../../support/installation/installation.ts'
import { assertInjected } from '../../support/installation/ours.ts'
import { makePlace, type Place, scopeOf } from '../../support/installation/place.ts'
import { root } from '../../support/tooling/root.ts'

const cluster = await sharedCluster()

describe('what is stored', () => {
  let installation: Installation
  let place: Place
  before(async () => {
    installation = await installWebhook(cluster, { scope: scopeOf('admission') })
    place = await makePlace(cluster, installation)
  })
  after(() => installation.stop())

  // First: later the controller manager's own updates of annotated Deployments would be counted too.
  test('A1: without the annotation it is stored as sent, and the API server does not call us', async () => {
    const outside = await makePlace(cluster, installation, { optedIn: false })
    // What the API server makes of it where there is no webhook at all.
    const { body } = await cluster.request<Deployment>(
      'POST',
      '/apis/apps/v1/namespaces/default/deployments?dryRun=All',
      flask('flask', withoutAnnotations),
    )
    const calls = await installation.calls()
    await place.create(flask('flask', withoutAnnotations))
    await outside.create(flask('flask', withoutAnnotations))
    await outside.create(flask('annotated'))
    for (const [where, name] of [
      [place, 'flask'],
      [outside, 'flask'],
      [outside, 'annotated'],
    ] as const) {
      await where.kubectl(['set', 'env', `deployment/${name}`, 'LATER=1'])
      await where.kubectl(['set', 'env', `deployment/${name}`, 'LATER-'])
      const { metadata, spec } = await where.deployment(name)
      assert.deepEqual(JSON.parse(JSON.stringify(spec).replaceAll(`"${name}"`, '"flask"')), body.spec)
      assert.deepEqual(spec.strategy, DEFAULT_STRATEGY)
      assert.ok(!('migrate.io/injected' in (metadata.annotations ?? {})))
    }
    assert.equal(await installation.calls(), calls)
  })

  const variants: [string, Strategy | undefined][] = [
    ['stated', ARTICLE_STRATEGY],
    ['unstated', undefined],
  ]
  for (const [name, strategy] of variants) {
    test(`A1: the article's Deployment, annotated, its strategy ${name}, is stored with its migration`, async () => {
      const manifest = flask(name, ({ spec }) => Object.assign(spec, strategy && { strategy }))
      const calls = await installation.calls()
      await place.send('apply', manifest)
      const stored = await place.deployment(name)

      const ours = assertInjected(stored)
      assert.equal(ours.image, APP_IMAGE)
      assert.deepEqual(ours.command, ['/bin/sh', '-c', ours.command?.[2], 'migrate-io', 'timeout=none'])
      assert.equal(
        expanded(ours.command?.[2] ?? '', () => 'a variable'),
        wrapper(),
      )
      assert.deepEqual(ours.args, ['/bin/sh', '-c', '--', 'flask db upgrade'])
      assert.deepEqual(ours.volumeMounts, [
        { name: 'migrate-io', mountPath: '/run/migrate.io', readOnly: true },
        { name: 'migrate-io-state', mountPath: '/run/migrate.io-state' },
      ])
      assert.deepEqual(stored.spec.template.spec.volumes, volumes(name))
      assert.deepEqual(stored.spec.template.metadata, {
        labels: { app: name, 'migrate.io/protocol': '1' },
        annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes': 'migrate-io-state' },
      })
      assert.deepEqual(stored.spec.strategy, ARTICLE_STRATEGY)
      assert.equal(app(stored).image, APP_IMAGE)
      assert.ok((await installation.calls()) > calls, "the API server's metric counts the call")
    })
  }

  test('A1: the metric that says so counts calls of updates too', async () => {
    await place.create(flask('counted'))
    const calls = await installation.calls()
    await place.kubectl(['label', 'deployment/counted', 'a=b'])
    assert.ok((await installation.calls()) > calls)
  })
})

/** The wrapper as a person wrote it, without the lines that are only comments. */
function wrapper(): string {
  const lines = readFileSync(`${root}/src/injection/wrapper.sh`, 'utf8').split('\n')
  return lines
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .trim()
}

function volumes(name: string) {
  const items = [
    { path: 'grant', fieldRef: { apiVersion: 'v1', fieldPath: "metadata.annotations['migrate.io/grant']" } },
    { path: 'revision', fieldRef: { apiVersion: 'v1', fieldPath: "metadata.labels['pod-template-hash']" } },
  ]
  const record = { configMap: { name: `deployment.${name}.migrate-io`, optional: true } }
  return [
    { name: 'migrate-io', projected: { sources: [record, { downwardAPI: { items } }], defaultMode: 0o644 } },
    { name: 'migrate-io-state', emptyDir: { sizeLimit: '1Mi' } },
  ]
}
