import type { Command } from 'commander'
import { addNamespaceOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'
import type { RerunOptions } from './rerun-action.ts'

const HELP = `
It does one thing: it sets the annotation kubectl.kubernetes.io/restartedAt in the pod template, as kubectl rollout restart
does. That makes a new revision, whose migration runs once before its pods start, under the same lock. The record of this
revision stays, so a rollout undo to it runs nothing. Failures and migrate.io/retries start counting from zero. Like any new
rollout, it usually terminates a run in progress: Kubernetes deletes its pod, which has its grace period. The new run starts
when that one has ended. To let it finish first, wait for it:
migrate-io logs web -n shop -f

It does nothing if that would migrate nothing: in a namespace that has not opted in (any longer), while the Deployment is
paused or has 0 replicas, or if it changed while you were asked.

If a tool such as Argo CD applies the manifest and removes that annotation, change the manifest instead.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps, and patch deployments. To see beforehand that the
namespace has opted in: get namespaces.

Example:
  migrate-io rerun web -n shop && migrate-io logs web -n shop -f

Exit codes: 0 the rollout has begun; 1 the answer was no, it can't run, it has changed in the meantime, or the cluster
can't be asked; 2 wrong usage`

/** Adds `migrate-io rerun`. */
export function addRerunCommand(program: Command): void {
  addNamespaceOptions(program.command('rerun'))
    .summary('run the migration again, with a new rollout')
    .description('Runs the migration once more, as a new revision of the same template, after asking.')
    .argument('<deployment>', 'whose migration', deploymentName)
    .option('-y, --yes', 'without asking')
    .addHelpText('after', () => asCalled(HELP))
    .action(async (deployment: string, options: RerunOptions, command: Command) => {
      const { rerun } = await import('./rerun-action.ts')
      await rerun(command, deployment, options)
    })
}
