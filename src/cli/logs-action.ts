import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { logTarget } from '../status/log-target.ts'
import type { DeploymentStatus } from '../status/status.ts'
import { Changes, standsStill } from '../status/status.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { onCluster } from './cluster/on-cluster.ts'
import type { ClusterOptions } from './cluster/options.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { FollowedRun, header, noLog, openRunLog } from './followed-run.ts'
import { readOne } from './one-deployment.ts'
import { UnlessAway } from './unless-away.ts'

export interface LogsOptions extends ClusterOptions {
  readonly follow?: true
}

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
  const log = await openRunLog(cluster, status, target)
  header(target, status)
  if (log === undefined) return refuse(command, noLog(target))
  try {
    await pipeline(log, process.stdout, { end: false })
  } catch (error) {
    throw KubeError.of(error)
  }
}

/** Looks again and again: a run is done with only when its end was seen, whatever became of the stream of its log. */
async function follow(command: Command, cluster: ClusterConnection, deployment: string): Promise<void> {
  const away = new UnlessAway()
  const logAway = new UnlessAway()
  const changes = new Changes()
  const done = new Set<string>()
  let current: FollowedRun | undefined
  for (;;) {
    const seen = await away.try(() => readOne(command, cluster, deployment))
    const target = seen === undefined ? undefined : logTarget(seen.situation)
    if (seen !== undefined) {
      const { status } = seen
      const key = target === undefined ? '' : `${target.pod} ${target.run}`
      if (target !== undefined && !done.has(key)) {
        if (current?.key !== key) current = new FollowedRun(key, cluster, status)
        const run = current
        const end = await logAway.try(() => run.print(target))
        if (end === 'over' || (end === undefined && !target.isUnderWay && run.isBeyondReach())) done.add(key)
      } else {
        if (status.state === 'Migrated') return
        if (standsStill(status)) return refuse(command, status.why)
        if (changes.of([status]).length > 0 && status.state !== 'Running')
          process.stderr.write(`${status.state}: ${status.why}\n`)
      }
    }
    await setTimeout(LOOK_AGAIN_MS)
  }
}

function nothingYet({ revision, why }: DeploymentStatus): string {
  return `${revision === undefined ? 'nothing' : `no pod of revision ${revision}`} has run the migration yet. ${why}`
}

function refuse(command: Command, text: string): void {
  command.error(`migrate-io logs: ${text}`, { exitCode: EXIT_REFUSED })
}
