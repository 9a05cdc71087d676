import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { findTool } from '../cluster/binaries.ts'
import type { Cluster } from '../cluster/cluster.ts'

export interface HelmResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a real helm against this cluster and no other. Any exit code is an answer. */
export async function helm(
  cluster: Pick<Cluster, 'kubeconfig' | 'folder'>,
  args: readonly string[],
): Promise<HelmResult> {
  const program = await findTool('helm')
  const home = join(cluster.folder, 'home')
  const { promise, resolve } = Promise.withResolvers<HelmResult>()
  execFile(
    program,
    ['--kubeconfig', cluster.kubeconfig, '--namespace', 'migrate-io', ...args],
    { env: { PATH: process.env['PATH'], HOME: home } },
    (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? -1) : 0, stdout, stderr }),
  )
  return promise
}
