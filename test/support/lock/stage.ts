import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { ClusterOptions } from '../cluster/cluster.ts'
import { connectNodeCluster, type NodeCluster } from '../cluster/node/cluster.ts'
import { startNodeCluster } from '../cluster/node/start.ts'
import type { SharedNode } from '../cluster/shared.ts'
import { type Database, deployPostgres } from '../node/postgres.ts'
import { makeSite, type Site } from '../node/site.ts'
import { type ControllerProcess, type ControllerProcessOptions, startControllerProcess } from './controller-process.ts'

/** A cluster with a node of one test file's own, the webhook, and controllers: all of it may be broken by the file's tests. */
export interface Stage {
  readonly cluster: NodeCluster
  /** A namespace that opted in; `another()` makes more, for tests that run side by side. */
  readonly site: Site
  /** Started with the stage. */
  readonly controller: ControllerProcess
  /** One more. Ended with the stage. */
  startController(options?: Partial<ControllerProcessOptions>): Promise<ControllerProcess>
}

/** To be called at the top level of a test file, with its name. Everything is ended after its tests. */
export async function makeStage(file: string, options: ClusterOptions = {}): Promise<Stage> {
  const cluster = await startNodeCluster(options)
  const controllers: ControllerProcess[] = []
  let installed: Site | undefined
  after(async () => {
    await Promise.all(controllers.map((each) => each.stop('SIGKILL')))
    await installed?.installation.stop()
    await cluster.stop()
    assertNoFaults(controllers)
  })
  const site = await makeSite(cluster, file)
  installed = site
  const startController: Stage['startController'] = async (options = {}) => {
    const started = await startControllerProcess({ kubeconfig: cluster.kubeconfig, ...options })
    controllers.push(started)
    return started
  }
  const controller = await startController()
  return { cluster, site, controller, startController }
}

/** Names the run folder of a cluster in which a controller runs, which the test runner started for all files. */
export const SHARED_STAGE = 'MIGRATE_IO_TEST_STAGE'

/** As much of a stage as a file may use where others use it at the same time. */
export type SharedStage = Pick<Stage, 'site'> & { readonly cluster: SharedNode }

/**
 * The stage that the test runner started for all files, with a webhook of the file's own for its namespaces; else one of the
 * file's own. To be called at the top level of a test file that leaves cluster, node and controller alone.
 */
export async function sharedStage(file: string): Promise<SharedStage> {
  const folder = process.env[SHARED_STAGE]
  if (folder === undefined) return makeStage(file)
  const cluster = await connectNodeCluster(folder)
  const site = await makeSite(cluster, file)
  after(() => site.installation.stop())
  return { cluster, site }
}

/** For `sharedStage` in other processes. */
export async function startSharedStage(): Promise<{ readonly folder: string; stop(): Promise<void> }> {
  const cluster = await startNodeCluster()
  const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig })
  const stop = async () => {
    await controller.stop()
    await cluster.stop()
    assertNoFaults([controller])
  }
  return { folder: cluster.folder, stop }
}

/** A mistake in the program is logged and tried again, so the tests alone would pass. */
function assertNoFaults(controllers: readonly ControllerProcess[]): void {
  const lines = controllers.flatMap((each) => each.logs())
  assert.deepEqual(
    lines.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  )
}

/** A namespace with PostgreSQL in it. */
export interface Shop {
  readonly site: Site
  readonly name: string
  readonly database: Database
}

export async function openShop({ cluster, site }: SharedStage): Promise<Shop> {
  const own = await site.another()
  return { site: own, name: own.place.name, database: await deployPostgres(cluster, own.place.name) }
}
