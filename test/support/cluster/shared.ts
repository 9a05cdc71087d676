import { after } from 'node:test'
import { type Cluster, connectCluster, startCluster } from './cluster.ts'
import { connectNodeCluster, type Node, type NodeCluster } from './node/cluster.ts'
import { startNodeCluster } from './node/start.ts'

type Disturbing = 'start' | 'stop' | 'restart' | 'pause' | 'resume' | typeof Symbol.asyncDispose

/** A cluster that other test files may be using at the same time. Who ends parts of it starts one of their own. */
export type SharedCluster = Omit<Cluster, Disturbing>

/** The same with a node. A file uses namespaces of its own in it, and leaves the node alone. */
export type SharedNode = Omit<NodeCluster, Disturbing | 'addNode' | 'nodes'> & {
  readonly nodes: readonly Pick<Node, 'name' | 'address' | 'log'>[]
}

let shared: Promise<SharedCluster> | undefined
let sharedWithNode: Promise<SharedNode> | undefined

/**
 * The cluster whose run folder MIGRATE_IO_TEST_CLUSTER names, which the test runner started for all files; else one of
 * this file's own, stopped after its tests. To be called at the top level of a test file, not within a test.
 */
export function sharedCluster(): Promise<SharedCluster> {
  shared ??= connectOrStart(process.env['MIGRATE_IO_TEST_CLUSTER'], connectCluster, startCluster)
  return shared
}

/** A cluster of the file's own, for one that runs controllers, which serve all namespaces. To be called like `sharedCluster`. */
export async function ownCluster(): Promise<Cluster> {
  const cluster = await startCluster()
  after(() => cluster.stop())
  return cluster
}

/** As `sharedCluster`, at the node level; the run folder is named by MIGRATE_IO_TEST_NODE. */
export function sharedNode(): Promise<SharedNode> {
  sharedWithNode ??= connectOrStart(process.env['MIGRATE_IO_TEST_NODE'], connectNodeCluster, startNodeCluster)
  return sharedWithNode
}

async function connectOrStart<C extends Cluster>(
  folder: string | undefined,
  connect: (folder: string) => Promise<C>,
  start: () => Promise<C>,
): Promise<C> {
  if (folder) return connect(folder)
  const starting = start()
  after(async () => (await starting).stop())
  return starting
}
