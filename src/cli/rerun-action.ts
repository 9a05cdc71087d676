import type { Command } from 'commander'
import { KubeError } from '../kube/api.ts'
import { restartDeployment } from '../kube/calls.ts'
import type { Deployment } from '../kube/objects.ts'
import { INJECTION_LABEL } from '../names.ts'
import { deploymentFacts } from '../status/deployment-facts.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { onCluster, readOne, type Seen } from './on-cluster.ts'
import { asCalled, type ClusterOptions } from './options.ts'
import { ask } from './terminal.ts'

/** Of a Deployment that somebody writes between the look and the restart, which takes some milliseconds. */
const MAX_TRIES = 5

export interface RerunOptions extends ClusterOptions {
  readonly yes?: true
}

/** Starts a rollout, whose revision runs the migration, after asking. */
export async function rerun(command: Command, deployment: string, options: RerunOptions): Promise<void> {
  const refuse = (text: string): never =>
    command.error(asCalled(`migrate-io rerun: ${text}`), { exitCode: EXIT_REFUSED })
  await onCluster(command, options, async (cluster) => {
    const look = async (): Promise<Seen> => {
      const seen = await readOne(command, cluster, deployment)
      const refusal = cannot(seen)
      return refusal === undefined ? seen : refuse(refusal)
    }
    const seen = await look()
    const { status } = seen
    for (const line of [`${deployment} is ${status.state}. ${status.why}`, ...plan(seen)])
      process.stderr.write(`${line}\n`)
    if (options.yes !== true && !(await ask(`Start a rollout of ${deployment} that migrates again?`)))
      return refuse('nothing was changed')

    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const now = await look()
      if (!isAsAgreed(seen, now))
        return refuse(
          `${deployment} has changed in the meantime, so nothing was done: run the command again. It is ${now.status.state} now. ${now.status.why}`,
        )
      const before = now.situation.facts.deployment
      const after = await unlessConflict(restartDeployment(cluster.transport, before.metadata, new Date()))
      if (after === undefined) continue
      const failing = notAsWanted(before, after)
      if (failing !== undefined) return refuse(failing)
      process.stdout.write(`deployment/${deployment} restarted\n`)
      process.stderr.write(asCalled(`Follow it: migrate-io logs ${deployment} -n ${status.namespace} -f\n`))
      return
    }
    return refuse(`another client keeps changing ${deployment}, so it was left alone: try again`)
  })
}

/** Where a rollout would not run the migration. */
function cannot({ situation: { facts, namespace: seen }, status }: Seen): string | undefined {
  const { state, why, deployment, namespace } = status
  const kubectl = `kubectl -n ${namespace}`
  if (state === 'NotInjected') return `a rollout would not migrate anything. ${why}`
  if (facts.deployment.metadata.deletionTimestamp !== undefined) return `${deployment} is being deleted`
  if (seen.kind === 'seen' && seen.label !== 'enabled')
    return `a rollout would remove the migration, since namespace ${namespace} has not opted in (any longer); first: kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite`
  if (facts.deployment.spec.paused === true)
    return `${deployment} is paused; first: ${kubectl} rollout resume deployment/${deployment}`
  if (facts.deployment.spec.replicas === 0)
    return `${deployment} has 0 replicas, and a migration runs in a pod of it; first: ${kubectl} scale deployment/${deployment} --replicas=1`
  return undefined
}

function plan({ status: { runner, deployment } }: Seen): readonly string[] {
  return [
    ...(runner === undefined
      ? []
      : [
          `Pod ${runner.pod} holds the lock: like any new rollout, this usually terminates its run, and the new run starts after that.`,
        ]),
    `This restarts the pods of ${deployment} as a new revision, with its own strategy, and runs its migration before they start.`,
  ]
}

/** Another revision, or a run that has begun since, was not what the question was about. */
function isAsAgreed(before: Seen, now: Seen): boolean {
  const uidOf = ({ situation: { facts } }: Seen) => facts.deployment.metadata.uid
  const run = now.status.runner?.run
  return (
    uidOf(now) === uidOf(before) &&
    now.status.revision === before.status.revision &&
    (run === undefined || run === before.status.runner?.run)
  )
}

/** @returns undefined where the Deployment is no longer as it was seen */
async function unlessConflict(restarting: Promise<Deployment>): Promise<Deployment | undefined> {
  try {
    return await restarting
  } catch (error) {
    if (error instanceof KubeError && error.code === 'conflict') return undefined
    throw error
  }
}

/** What became of it by the API server's answer, where that is no rollout that migrates. */
function notAsWanted(before: Deployment, after: Deployment): string | undefined {
  const { name, namespace } = after.metadata
  if (deploymentFacts(after, true)?.isInjected !== true)
    return `deployment/${name} was restarted, but admission removed the migration, so its pods start without it. Namespace ${namespace} has probably not opted in (any longer): kubectl label namespace ${namespace} ${INJECTION_LABEL}=enabled --overwrite, and then kubectl -n ${namespace} rollout restart deployment/${name}`
  if (after.metadata.generation === before.metadata.generation)
    return `${name} was already restarted within this second, so nothing was changed: try again to restart it once more`
  return undefined
}
