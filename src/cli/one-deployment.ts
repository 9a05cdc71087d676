import type { Command } from 'commander'
import { gather } from '../status/gather.ts'
import type { Situation } from '../status/situation.ts'
import { type DeploymentStatus, statusOf } from '../status/status.ts'
import { calledAs } from './called-as.ts'
import type { ClusterConnection } from './cluster/connect.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { noDeployment } from './no-deployment.ts'

export interface Seen {
  readonly situation: Situation
  readonly status: DeploymentStatus
}

/**
 * Reads how one Deployment stands; ends the program with one line where there is none of that name.
 * @throws KubeError
 */
export async function readOne(command: Command, cluster: ClusterConnection, deployment: string): Promise<Seen> {
  const { situations } = await gather(cluster, { namespace: cluster.namespace, deployment }, Date.now())
  const situation = situations.find(({ facts }) => facts.deployment.metadata.name === deployment)
  if (situation === undefined)
    return command.error(noDeployment(command, deployment, cluster), { exitCode: EXIT_REFUSED })
  return { situation, status: statusOf(situation, calledAs()) }
}
