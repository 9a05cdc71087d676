import type { Command } from 'commander'
import { addNamespaceOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'
import type { RerunOptions } from './rerun-action.ts'

const HELP = `
What it does is one thing: it sets the annotation kubectl.kubernetes.io/restartedAt in the pod template, as kubectl rollout
restart does. That makes a new revision, whose migration runs once before its pods start, under the same lock. So nothing has
to be forgotten, and nothing is: the record of this revision stays, and a rollout undo to it runs nothing. Failures and
migrate.io/retries start counting anew. A run that is under way is mostly ended by it, as by any new rollout: Kubernetes deletes its
pod, which has its grace period. The new run starts when that one has ended. To let it finish first, wait for it:
migrate-io logs web -n shop -f

It does nothing where that would migrate nothing: in a namespace that has not opted in (any more), while the Deployment is
paused or has 0 replicas, or where it changed while you were asked.

Where a manifest is applied by a tool such as Argo CD, change the manifest instead if the tool takes that annotation off.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps, and patch deployments. To see beforehand that the
namespace has opted in: get namespaces.

Example:
  migrate-io rerun web -n shop && migrate-io logs web -n shop -f

Exit codes: 0 the rollout has begun; 1 the answer was no, it can't run, it has changed meanwhile, or the cluster can't be
asked; 2 wrong usage`

/** Adds `migrate-io rerun`. */
export function addRerunCommand(program: Command): void {
  addNamespaceOptions(program.command('rerun'))
    .summary('run the migration again, by a new rollout')
    .description('Runs the migration once more, as a new revision of the same template, after asking.')
    .argument('<deployment>', 'whose migration', deploymentName)
    .option('-y, --yes', 'without asking')
    .addHelpText('after', () => asCalled(HELP))
    .action(async (deployment: string, options: RerunOptions, command: Command) => {
      const { rerun } = await import('./rerun-action.ts')
      await rerun(command, deployment, options)
    })
}
