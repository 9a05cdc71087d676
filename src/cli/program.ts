import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { addControllerCommand } from './controller.ts'
import { EXIT_USAGE, watchOutput } from './exit-codes.ts'
import { addExplainCommand } from './explain.ts'
import { addInjectCommand } from './inject.ts'
import { addLogsCommand } from './logs.ts'
import { asCalled, calledAs } from './options.ts'
import { addRerunCommand } from './rerun.ts'
import { addStatusCommand } from './status.ts'
import { addUninjectCommand } from './uninject.ts'
import { addUnlockCommand } from './unlock.ts'
import { addWebhookCommand } from './webhook.ts'

const HELP = `
Examples:
  migrate-io inject -f deployment.yaml | kubectl apply -f -    # without a webhook
  migrate-io explain -f manifests/                             # what would happen, and why
  migrate-io status -A                                         # the state of migrations, and what to do
  migrate-io logs web -f                                       # the output of the migration, wherever it runs
  migrate-io webhook --tls-cert-file tls.crt --tls-private-key-file tls.key
  migrate-io controller                                        # grants the lock, in the cluster of your kubeconfig

Exit codes: 0 done; 1 refused or failed; 2 wrong usage`

/** The whole command line, with nothing read yet: what the program runs, and the reference page is made from. */
export function programAs(name: string): Command {
  const program = new Command(name)
    .description('Database migrations during a Kubernetes deploy: once per revision, never two at once.')
    .version(VERSION)
    .addHelpText('after', () => asCalled(HELP))
    .exitOverride()
  addInjectCommand(program)
  addUninjectCommand(program)
  addExplainCommand(program)
  addStatusCommand(program)
  addLogsCommand(program)
  addRerunCommand(program)
  addUnlockCommand(program)
  addWebhookCommand(program)
  addControllerCommand(program)
  for (const command of program.commands) command.exitOverride()
  return program
}

/** Reads the command line and does what it says. Sets the exit code. */
export async function run(argv: readonly string[]): Promise<void> {
  watchOutput()
  const program = programAs(calledAs(argv))
  try {
    await program.parseAsync(argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = exitCodeOf(error)
    if (process.exitCode === EXIT_USAGE) process.stderr.write('Add --help to see what is allowed.\n')
  }
}

/** commander ends each wrong usage with 1; a command of ours that fails says so itself, without a code of commander's. */
function exitCodeOf({ code, exitCode }: CommanderError): number {
  if (exitCode === 0 || code === 'commander.error') return exitCode
  return EXIT_USAGE
}
