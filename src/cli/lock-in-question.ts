import type { Command } from 'commander'
import type { HeldRun, Release } from '../status/release.ts'
import { hasLetGoOfNamed, hasLetGoOfOwn, readNamedRelease, readOwnRelease } from '../status/release.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { readOne } from './one-deployment.ts'

/** The lock that a person wants to have freed. All calls throw KubeError. */
export interface Lock {
  readonly namespace: string
  /** After `the lock`. */
  readonly whose: string
  /** The command that says more. */
  readonly see: string
  look(): Promise<Release>
  hasLetGo(run: HeldRun): Promise<boolean>
}

/** The Deployment's own. A look ends the program with one line where there is no such Deployment. */
export function ownLock(of: {
  readonly command: Command
  readonly cluster: ClusterConnection
  readonly deployment: string
}): Lock {
  const { command, cluster, deployment } = of
  const { namespace = '', api } = cluster
  return {
    namespace,
    whose: `of ${deployment}`,
    see: `migrate-io status ${deployment} -n ${namespace}`,
    look: async () => readOwnRelease(cluster, (await readOne(command, cluster, deployment)).situation),
    hasLetGo: (run) => hasLetGoOfOwn(api, { namespace, deployment }, run),
  }
}

/** One that Deployments share. */
export function namedLock(cluster: ClusterConnection, lock: string): Lock {
  const { namespace = '', api } = cluster
  return {
    namespace,
    whose: lock,
    see: `migrate-io unlock --lock ${lock} -n ${namespace}`,
    look: () => readNamedRelease(cluster, { namespace, lock }, Date.now()),
    hasLetGo: (run) => hasLetGoOfNamed(api, { namespace, lock }, run),
  }
}
