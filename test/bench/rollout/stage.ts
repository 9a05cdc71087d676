import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditLogIn } from '../../support/cluster/audit-log.ts'
import { postgresImage } from '../../support/cluster/images/images.ts'
import type { NodeCluster } from '../../support/cluster/node/cluster.ts'
import { startNodeCluster } from '../../support/cluster/node/start.ts'
import { installWebhook } from '../../support/installation/install.ts'
import { makePlace } from '../../support/installation/place.ts'
import { type LogLine, startControllerProcess } from '../../support/lock/controller-process.ts'
import { type Database, deployPostgres } from '../../support/node/postgres.ts'
import { prepareJudge } from './judge.ts'
import { type Fact, factsOf } from './trail.ts'

/** A cluster with a node, webhook and controller, and in one namespace the database that all migrations write into. */
export interface Stage {
  readonly cluster: NodeCluster
  readonly namespace: string
  /** On the node; holds a shell and psql. */
  readonly image: string
  readonly database: Database
  /** All that the API server has stored so far about the namespace. */
  facts(): readonly Fact[]
  /** What the controller said that it never should. */
  faults(): readonly LogLine[]
}

/** Ends all of it when `work` has. */
export async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  await using ends = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-rollout-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const log = auditLogIn(folder)
  const cluster = ends.use(await startNodeCluster(log.options))
  const installation = ends.use(await installWebhook(cluster))
  const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig })
  ends.defer(() => controller.stop())
  const { name: namespace } = await makePlace(cluster, installation)
  const database = await deployPostgres(cluster, namespace)
  await prepareJudge(database)
  const facts: Fact[] = []
  await work({
    cluster,
    namespace,
    image: (await postgresImage()).name,
    database,
    facts() {
      for (const event of log.read()) if (event.objectRef?.namespace === namespace) facts.push(...factsOf(event))
      return facts
    },
    faults: () => controller.logs().filter(({ level }) => level === 'error' || level === 'fatal'),
  })
}
