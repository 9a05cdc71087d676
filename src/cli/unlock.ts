import { type Command, InvalidArgumentError, Option } from 'commander'
import { EXIT_USAGE } from './exit-codes.ts'
import { addNamespaceOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'
import type { UnlockOptions } from './unlock-action.ts'

const LOCK = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const HELP = `
A lock lasts as long as the run that holds it, or its pod; no clock frees it. This says who holds it, what could still be
running and where, and then, after asking, deletes the pod that holds it. Nothing else is written: the controller sees that
the pod has gone, and frees the lock. Taking the holder out of the ConfigMap by hand has no use, since the controller then
finds out from the pods who holds it.

  Its node is ready   the pod is deleted as kubectl delete pod does. Its node ends the migration first, and two never overlap.
  Its node is lost    only the pod object can be taken away, by force. Its container may run on where nobody can see it, and
                      the next run may overlap with it. The question has to be answered with the name of the pod.

Either way the run is cut off, and the migration runs again in another pod. Before the pod is deleted all is looked at again:
where its node has come back, or another run has the lock, while you were asked, nothing is done.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps, and delete pods. To tell whether a node is lost:
get nodes.

Examples:
  migrate-io unlock web -n shop
  migrate-io unlock --lock orders-db -n shop    # the lock of annotation migrate.io/lock, whoever holds it

Exit codes: 0 the lock was freed, or is free; 1 it is held still, or nobody can tell by now who holds it, the answer was no, it
has changed meanwhile, or the cluster can't be asked; 2 wrong usage`

/** Adds `migrate-io unlock`. */
export function addUnlockCommand(program: Command): void {
  addNamespaceOptions(program.command('unlock'))
    .summary('say what holds a lock, and free it after asking')
    .description('Says what holds the lock of a Deployment and what may still be running, and frees it after asking.')
    .argument('[deployment]', 'whose lock', deploymentName)
    .addOption(new Option('--lock <name>', 'the lock that Deployments share by migrate.io/lock').argParser(lockName))
    .option('-y, --yes', 'delete the pod without asking, where its node ends the migration first')
    .option('--yes-i-know-that-it-may-still-run', 'also take the pod away by force where its node is lost')
    .addHelpText('after', () => asCalled(HELP))
    .action(async (deployment: string | undefined, options: UnlockOptions, command: Command) => {
      if ((deployment === undefined) === (options.lock === undefined))
        return command.error('error: name either a Deployment or a lock by --lock', {
          exitCode: EXIT_USAGE,
          code: 'migrate-io.usage',
        })
      const { unlock } = await import('./unlock-action.ts')
      await unlock(command, deployment, options)
    })
}

function lockName(text: string): string {
  if (LOCK.test(text)) return text
  throw new InvalidArgumentError('Must be the name of a lock, as annotation migrate.io/lock has it.')
}
