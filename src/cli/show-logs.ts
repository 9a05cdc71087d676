import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { openPodLog } from '../kube/pod-log.ts'
import { INIT_CONTAINER } from '../migration/names.ts'
import { type LogTarget, logTarget } from '../status/log-target.ts'
import type { DeploymentStatus } from '../status/status.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { onCluster } from './cluster/on-cluster.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import type { LogsOptions } from './logs.ts'
import { readOne } from './one-deployment.ts'

const LOOK_AGAIN_MS = 1_000

/** Prints the output of the present revision's run; follows it and those after it where that is asked for. */
export async function showLogs(command: Command, deployment: string, options: LogsOptions): Promise<void> {
  await onCluster(command, options, (cluster) =>
    options.follow === true ? follow(command, cluster, deployment) : once(command, cluster, deployment),
  )
}

async function once(command: Command, cluster: ClusterConnection, deployment: string): Promise<void> {
  const { situation, status } = await readOne(command, cluster, deployment)
  const target = logTarget(situation)
  if (target === undefined) return refuse(command, nothingYet(status))
  header(target, status)
  if ((await print(cluster, status, target, false)) === 'none')
    refuse(command, `pod ${target.pod} has no log of run ${target.run} (any more): a pod that is gone takes it along`)
}

async function follow(command: Command, cluster: ClusterConnection, deployment: string): Promise<void> {
  let printed = ''
  let said = ''
  for (;;) {
    const { situation, status } = await readOne(command, cluster, deployment)
    const target = logTarget(situation)
    const key = target === undefined ? '' : `${target.pod} ${target.run}`
    if (target !== undefined && key !== printed) {
      header(target, status)
      if ((await print(cluster, status, target, true)) === 'printed' || !target.isUnderWay) printed = key
      continue
    }
    if (status.state === 'Migrated') return
    if (status.state === 'NotInjected' || status.reason === 'gave-up') return refuse(command, status.why)
    if (status.why !== said && status.state !== 'Running') process.stderr.write(`${status.state}: ${status.why}\n`)
    said = status.why
    await setTimeout(LOOK_AGAIN_MS)
  }
}

function header({ pod, run }: LogTarget, { deployment, revision }: DeploymentStatus): void {
  process.stderr.write(`==> ${deployment}, revision ${revision}: run ${run} in pod ${pod} <==\n`)
}

/** @returns `none` where the pod is gone, or there is no such log */
async function print(
  { transport }: ClusterConnection,
  { namespace }: DeploymentStatus,
  { pod: name, previous, isUnderWay }: LogTarget,
  isFollowed: boolean,
): Promise<'printed' | 'none'> {
  const follow = isFollowed && isUnderWay && !previous
  const log = await openPodLog(transport, { namespace, name }, { container: INIT_CONTAINER, previous, follow })
  if (log === undefined) return 'none'
  try {
    await pipeline(log, process.stdout, { end: false })
  } catch (error) {
    throw KubeError.of(error)
  }
  return 'printed'
}

function nothingYet({ revision, why }: DeploymentStatus): string {
  return `${revision === undefined ? 'nothing' : `no pod of revision ${revision}`} has run the migration yet. ${why}`
}

function refuse(command: Command, text: string): void {
  command.error(`migrate-io logs: ${text}`, { exitCode: EXIT_REFUSED })
}
