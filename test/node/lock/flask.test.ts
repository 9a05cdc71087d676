import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { sharedNode } from '../../support/cluster/shared.ts'
import {
  appStarts,
  deployFlask,
  earlyStarts,
  type FlaskDeployment,
  overlaps,
  runs,
  setFault,
} from '../../support/node/flask.ts'
import { type Database, deployPostgres } from '../../support/node/postgres.ts'
import { until } from '../../support/until.ts'

const LIMIT_MS = 120_000 // some of the runs fail, and kubelet tries again after 10 to 20 s
const NAMESPACE = `article-${process.pid}`
const REPLICAS = 3

const cluster = await sharedNode()

/** The article's recipe by hand, in a namespace that never opted in: what migrate.io is measured against. */
describe('the article without migrate.io', () => {
  let database: Database
  before(async () => {
    await cluster.kubectl(['create', 'namespace', NAMESPACE])
    database = await deployPostgres(cluster, NAMESPACE)
  })
  after(() => cluster.kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']))

  test('each new pod runs the migration, at the same time as others, and before its own app starts', async () => {
    const env = { MIGRATION_SECONDS: '1', UPGRADE_SECONDS: '10' } // for as long as it takes until all have begun
    await deployFlask(cluster, NAMESPACE, { replicas: REPLICAS, env, change: addInitContainer })
    await rolledOut()
    const all = await runs(database)
    const good = all.filter(({ ended_at, error }) => ended_at !== null && error === null)
    assert.equal(good.length, REPLICAS)
    assert.ok(good.some(({ revisions }) => revisions.includes('0003')))
    assert.notDeepEqual(await overlaps(database), [])
    assert.equal((await appStarts(database)).length, REPLICAS)
    assert.deepEqual(await earlyStarts(database), [])
  })

  test('a revision fails while a row says so, and then goes on, without a change of the Deployment', async () => {
    await setFault(database, true)
    await deployFlask(cluster, NAMESPACE, { version: '2', replicas: 1, change: addInitContainer })
    await until('a run of revision 0004 has failed', async () => runs(database), {
      limitMs: LIMIT_MS,
      accept: (all) => all.some(({ revisions, error }) => revisions.includes('0004') && error !== null),
    })
    await setFault(database, false)
    await rolledOut()
    const [last] = (await appStarts(database)).slice(-1)
    assert.deepEqual([last?.version, last?.schema], ['2', '0004'])
    assert.deepEqual(await earlyStarts(database), [])
  })

  test('an app that starts without a migration is seen as early', async () => {
    await deployFlask(cluster, NAMESPACE, { version: '2', replicas: 1, env: { TRIAL: 'bare' } })
    await rolledOut()
    const early = await earlyStarts(database)
    assert.deepEqual([early.length, early[0]?.schema], [1, '0004'])
  })

  const rolledOut = () =>
    cluster.kubectl(['rollout', 'status', 'deployment/flask', `--namespace=${NAMESPACE}`, `--timeout=${LIMIT_MS}ms`])
})

function addInitContainer({ spec: { template } }: FlaskDeployment): void {
  const [{ image, env }] = template.spec.containers as [{ image: string; env: object[] }]
  const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
  const command = ['/bin/sh', '-c', 'flask db upgrade']
  template.spec.initContainers = [
    JSON.parse(JSON.stringify({ name: 'init-upgrade', image, command, env, securityContext })),
  ]
}
