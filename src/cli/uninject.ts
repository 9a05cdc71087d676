import { type Command, Option } from 'commander'
import { DURATION_ALLOWED } from '../injection/annotations.ts'
import { EXIT_USAGE } from './exit-codes.ts'
import { addClusterOptions, CLUSTER_HELP, duration, fileOption } from './options.ts'
import type { UninjectOptions } from './uninject-action.ts'

const TIMEOUT_DEFAULT_SECONDS = 600 // as a Deployment's own progressDeadlineSeconds

const HELP = `
On manifests (-f) it prints them without what was injected. Your own annotations stay; strategy and deadline become what
they were.

On a cluster (-n or -A) it lists what is injected, in namespaces that opted out too, says what it is about to do, and asks. It
removes the migrate.io/ annotations and everything that was injected from each Deployment, with one update each, whether the
webhook is running or not, and waits for the rollout. When the last old pod is gone, it deletes the lock ConfigMap too. Standard output
has a line for each Deployment; the rest goes to standard error. Do this before you uninstall.

${CLUSTER_HELP}
Needed are list and update on deployments, get too, and list on pods, list and delete on configmaps; where the webhook is
configured and does not answer, patch on deployments/status. --check needs list on deployments only.

Examples:
  migrate-io uninject -f injected.yaml > deployment.yaml
  kubectl get deployment flask -o yaml | migrate-io uninject -f -
  migrate-io uninject -n shop --dry-run                        # what would happen
  migrate-io uninject -A --yes --timeout 30m                   # everything, without a question
  migrate-io uninject -A --check                               # before uninstalling: is anything left?

Exit codes: 0 done, or nothing is injected; 1 refused, unreadable, not rolled out in time, or the answer was no; 2 wrong usage;
3 --check found something that is still injected`

/** Adds `migrate-io uninject`: on manifests, or on a cluster. What either needs is loaded only when it runs. */
export function addUninjectCommand(program: Command): void {
  const clusterOnly = [
    'namespace',
    'allNamespaces',
    'kubeconfig',
    'context',
    'check',
    'dryRun',
    'yes',
    'wait',
    'timeout',
  ]
  const command = program
    .command('uninject')
    .summary('remove the migration from manifests, or from the Deployments of a cluster')
    .description('Removes everything that was injected: the inverse of inject. On manifests, or on a cluster.')
    .addOption(fileOption().conflicts(clusterOnly))
  addClusterOptions(command, 'none: -n or -A has to be given')
    .addOption(new Option('--check', 'only say what is still injected').conflicts(['dryRun', 'yes', 'wait', 'timeout']))
    .addOption(new Option('--dry-run', 'say what would be done, and do nothing').conflicts(['yes', 'wait', 'timeout']))
    .option('-y, --yes', 'do not ask')
    .option('--no-wait', 'do not wait for the rollouts; lock ConfigMaps that pods still need then stay')
    .addOption(
      new Option('--timeout <duration>', `how long to wait for one rollout: ${DURATION_ALLOWED}`)
        .default(TIMEOUT_DEFAULT_SECONDS, '10m')
        .argParser(duration),
    )
    .addHelpText('after', HELP)
    .action(async (options: UninjectOptions, command: Command) => {
      const { filename } = options
      if (filename !== undefined) {
        const { uninjectManifests } = await import('./inject-action.ts')
        return uninjectManifests(command, filename)
      }
      if (options.namespace === undefined && !options.allNamespaces)
        command.error('error: specify -f FILE for manifests, or -n NAMESPACE or -A for the Deployments of a cluster', {
          exitCode: EXIT_USAGE,
        })
      const { uninjectCluster } = await import('./uninject-action.ts')
      await uninjectCluster(command, options)
    })
}
