import type { Command } from 'commander'
import type { LogsOptions } from './logs-action.ts'
import { addNamespaceOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'

const HELP = `
The output is that of container migrate-io in the pod that runs the migration of the present revision, or ran it last. It
goes to standard output, everything else to standard error. A deleted pod takes its log with it.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps, and get pods/log.

Examples:
  migrate-io logs web -n shop
  migrate-io logs web -n shop -f     # waits for the run, and follows the next attempts, in any pod

Exit codes: 0 printed; with -f: it is migrated. 1 nothing has run yet, its pod is gone, or the cluster can't be asked; with
-f: it was given up, its record is lost, or it is NotInjected. 2 wrong usage`

/** Adds `migrate-io logs`. */
export function addLogsCommand(program: Command): void {
  addNamespaceOptions(program.command('logs'))
    .summary('print the output of the migration, wherever it runs')
    .description("Prints the output of the present revision's run, wherever it is.")
    .argument('<deployment>', 'whose migration', deploymentName)
    .option('-f, --follow', 'wait for a run, follow it and those after it, until one succeeds or it is given up')
    .addHelpText('after', () => asCalled(HELP))
    .action(async (deployment: string, options: LogsOptions, command: Command) => {
      const { showLogs } = await import('./logs-action.ts')
      await showLogs(command, deployment, options)
    })
}
