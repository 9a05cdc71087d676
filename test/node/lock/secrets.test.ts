import assert from 'node:assert/strict'
import { test } from 'node:test'
import { app, type Manifest } from '../../support/installation/deployment.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { openWorkshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const CANARY = 'canary-9b1f'
const LIMIT_MS = 60_000

const stage = await makeStage('secrets')

/** Everywhere where people keep what nobody else should read. */
function withCanaries(manifest: Manifest): void {
  const { metadata, spec } = manifest
  metadata.annotations = { ...metadata.annotations, 'example.com/token': `${CANARY}-annotation` }
  spec.template.metadata.annotations = { 'example.com/token': `${CANARY}-template` }
  const container = app(manifest)
  container.env = [...(container.env ?? []), { name: 'PASSWORD', value: `${CANARY}-env` }]
  container['envFrom'] = [{ secretRef: { name: 'keys' } }]
}

test('S3: commands, env values, annotations and Secrets never show up in what the controller writes', async () => {
  const { site, journal, ...shop } = await openWorkshop(stage)
  const stringData = { KEY: `${CANARY}-secret` }
  await site.place.send('create', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys' }, stringData })
  const tell = `echo "${CANARY}-output $PASSWORD $KEY"; printf ' ${CANARY}-message' >>/dev/migrate.io-message`
  const fails = { replicas: 2, does: `${tell}; exit 3`, change: withCanaries }
  await shop.apply('app', fails)
  const failed = () => stage.controller.logs().find(({ kind }) => kind === 'run-failed')
  const line = await until('it has failed', failed, { limitMs: LIMIT_MS })
  assert.equal(line['exitCode'], 3)
  await shop.rollOut('app', { ...fails, does: tell })
  journal.assertInOrder()
  const name = `deployment.app.migrate-io`
  await site.place.kubectl(['patch', 'configmap', name, `--patch={"data":{"holder":"${CANARY}-holder"}}`])
  await shop.rollOut('app', { ...fails, does: tell, revision: 2 })

  const { stdout: events } = await site.place.kubectl(['get', 'events', '-o', 'json'])
  const own = (JSON.parse(events) as { items: { reportingComponent?: string }[] }).items.filter((event) =>
    event.reportingComponent?.includes('migrate'),
  )
  const { body: record } = await shop.lock('app')
  const written = {
    output: stage.controller.output(),
    metrics: await stage.controller.metrics(),
    events: own,
    record: record.data,
  }
  assert.ok(stage.controller.logs().some(({ kind }) => kind === 'run-succeeded'))
  assert.match(written.metrics, /^migrate_io_runs_total\{outcome="failed"\} 1$/m)
  for (const [where, what] of Object.entries(written))
    assert.ok(!JSON.stringify(what).includes(CANARY), `${where}: ${JSON.stringify(what)}`)
})
