import { after } from 'node:test'
import { type Cluster, connectCluster, startCluster } from './cluster.ts'

/** A cluster that other test files may be using at the same time. Who ends parts of it starts one of their own. */
export type SharedCluster = Omit<Cluster, 'start' | 'stop' | 'restart' | typeof Symbol.asyncDispose>

let shared: Promise<SharedCluster> | undefined

/**
 * The cluster whose run folder MIGRATE_IO_TEST_CLUSTER names, which the test runner started for all files; else one of
 * this file's own, stopped after its tests. To be called at the top level of a test file, not within a test.
 */
export function sharedCluster(): Promise<SharedCluster> {
  shared ??= connectOrStart()
  return shared
}

async function connectOrStart(): Promise<SharedCluster> {
  const folder = process.env['MIGRATE_IO_TEST_CLUSTER']
  if (folder) return connectCluster(folder)
  const starting = startCluster()
  after(async () => (await starting).stop())
  return starting
}
