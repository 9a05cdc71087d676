import { type Command, Option } from 'commander'
import { addClusterOptions, asCalled, CLUSTER_HELP, deploymentName } from './options.ts'
import type { StatusOptions } from './status-action.ts'

const FORMATS: readonly StatusOptions['output'][] = ['table', 'json', 'yaml']

const HELP = `
States:
  Migrated      the migration of this revision is done, and never runs again
  Running       a pod runs it
  Waiting       for a pod, the controller, another Deployment's lock: it says for what
  Failed        it is retried, or was given up after migrate.io/retries
  Interrupted   a run was interrupted and its result is unknown: it runs again
  NotInjected   it does not run, and the app starts without it: it says why

Columns: ATTEMPT is this attempt, of those allowed. LOCK is own, or the shared one with the Deployment that has it in brackets.
QUEUE is how many pods wait for the own lock, or the place in the queue for the shared one.

Shown are Deployments with a migrate.io/ annotation, or what looks like one; a Deployment that is named is always shown.
-o json: {"version": 1, "controller": {state, leader}, "deployments": [{namespace, deployment, state, reason, revision,
rollout, since, attempt, maxAttempts, runner, lastFailure, migrated, lock: {name, heldBy, queue}, why, whatToDo, notes}]};
times in UTC; what does not apply is left out. With --watch one such document for each change.

${CLUSTER_HELP}
Needed: list deployments and replicasets, get and list pods and configmaps. Shown as unseen if you may not: get namespaces
(with -A: list namespaces), get nodes, and get the Lease migrate-io-controller in namespace migrate-io; if it is installed in
another, get mutatingwebhookconfigurations too, by which that is found.

Examples:
  migrate-io status                       # of your namespace
  migrate-io status web -n shop
  migrate-io status web -n shop --watch   # until it is migrated
  migrate-io status -A -o json

Exit codes: 0 shown, whatever the states; with --watch of one Deployment: it is Migrated. 1 the cluster can't be asked, or
there is no such Deployment; with --watch of one Deployment: it was given up, its record is lost, or it is
NotInjected. 2 wrong usage`

/** Adds `migrate-io status`. */
export function addStatusCommand(program: Command): void {
  addClusterOptions(program.command('status'))
    .summary('show the state of migrations, and what to do')
    .description('Says for each Deployment whether its present revision is migrated, and if not, why and what to do.')
    .argument('[deployment]', 'only this one', deploymentName)
    .addOption(new Option('-o, --output <format>', 'how it is printed').choices(FORMATS).default('table'))
    .option(
      '-w, --watch',
      'go on: redraw on a terminal, else a line for each change; of one Deployment until it is migrated or given up',
    )
    .addHelpText('after', () => asCalled(HELP))
    .action(async (deployment: string | undefined, options: StatusOptions, command: Command) => {
      const { showStatus } = await import('./status-action.ts')
      await showStatus(command, deployment, options)
    })
}
