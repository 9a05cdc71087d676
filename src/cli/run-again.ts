import type { Command } from 'commander'
import { restartDeployment } from '../kube/restart-deployment.ts'
import type { Situation } from '../status/situation.ts'
import type { DeploymentStatus } from '../status/status.ts'
import { asCalled } from './called-as.ts'
import { ask } from './cluster/ask.ts'
import { onCluster } from './cluster/on-cluster.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { readOne } from './one-deployment.ts'
import type { RerunOptions } from './rerun.ts'

/** Starts a rollout, whose revision runs the migration, after asking. */
export async function rerun(command: Command, deployment: string, options: RerunOptions): Promise<void> {
  await onCluster(command, options, async (cluster) => {
    const { situation, status } = await readOne(command, cluster, deployment)
    const refusal = cannot(situation, status)
    if (refusal !== undefined) command.error(`migrate-io rerun: ${refusal}`, { exitCode: EXIT_REFUSED })
    for (const line of [`${deployment} is ${status.state}. ${status.why}`, ...plan(status)])
      process.stderr.write(`${line}\n`)
    if (options.yes !== true && !(await ask(`Start a rollout of ${deployment} that migrates again?`)))
      command.error('migrate-io rerun: nothing was changed', { exitCode: EXIT_REFUSED })
    const { namespace } = status
    await restartDeployment(cluster.transport, { namespace, name: deployment }, new Date())
    process.stdout.write(`deployment/${deployment} restarted\n`)
    process.stderr.write(asCalled(`Follow it: migrate-io logs ${deployment} -n ${namespace} -f\n`))
  })
}

/** Where a rollout would not run the migration. */
function cannot({ facts }: Situation, { state, why, deployment, namespace }: DeploymentStatus): string | undefined {
  if (state === 'NotInjected') return `a rollout would not migrate anything. ${why}`
  if (facts.deployment.metadata.deletionTimestamp !== undefined) return `${deployment} is being deleted`
  if (facts.deployment.spec.paused === true)
    return `${deployment} is paused; first: kubectl -n ${namespace} rollout resume deployment/${deployment}`
  return undefined
}

function plan({ runner, deployment }: DeploymentStatus): readonly string[] {
  return [
    ...(runner === undefined
      ? []
      : [
          `Pod ${runner.pod} holds the lock: as any new rollout, this mostly ends what it runs, and the new run starts after that.`,
        ]),
    `This restarts the pods of ${deployment} as a new revision, by its own strategy, and runs its migration before them.`,
  ]
}
