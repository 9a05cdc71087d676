import { type Command, InvalidArgumentError, Option } from 'commander'
import { EXIT_USAGE } from './exit-codes.ts'
import { addNamespaceOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'
import type { UnlockOptions } from './unlock-action.ts'

const LOCK = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const HELP = `
A lock lasts as long as the run that holds it, or its pod; it never expires. This command shows which pod holds it, what could
still be running and where, and then, after asking, deletes that pod. It writes nothing else: the controller sees that the pod
is gone, and frees the lock. Removing the holder from the ConfigMap by hand has no effect, since the controller then finds out
from the pods which one holds the lock.

  Its node is ready   the pod is deleted as kubectl delete pod does. Its node ends the migration first, so two never overlap.
  Its node is lost    only the pod object can be deleted, by force. Its container may still run unseen, and the next run may
                      overlap with it. You have to confirm with the name of the pod.

Either way the run is interrupted, and the migration runs again in another pod. Everything is checked again before the pod is
deleted: if its node came back, or another run got the lock, while you were asked, nothing is done.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps, and delete pods. To tell whether a node is lost:
get nodes.

Examples:
  migrate-io unlock web -n shop
  migrate-io unlock --lock orders-db -n shop    # the lock named in annotation migrate.io/lock

Exit codes: 0 the lock was freed, or is free; 1 it is still held, or its holder is still unknown, the answer was no, it has
changed in the meantime, or the cluster can't be asked; 2 wrong usage`

/** Adds `migrate-io unlock`. */
export function addUnlockCommand(program: Command): void {
  addNamespaceOptions(program.command('unlock'))
    .summary('show what holds a lock, and free it after asking')
    .description('Says what holds the lock of a Deployment and what may still be running, and frees it after asking.')
    .argument('[deployment]', 'whose lock', deploymentName)
    .addOption(new Option('--lock <name>', 'the lock that Deployments share by migrate.io/lock').argParser(lockName))
    .option('-y, --yes', 'delete the pod without asking, where its node ends the migration first')
    .option('--yes-i-know-that-it-may-still-run', 'also delete the pod by force if its node is lost')
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
