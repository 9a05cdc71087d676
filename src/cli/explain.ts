import type { Command } from 'commander'
import { addFileOption, type FileOptions } from './options.ts'

const HELP = `
Examples:
  migrate-io explain -f manifests/
  kubectl get deployment -o yaml | migrate-io explain -f -

It also names annotated objects that aren't apps/v1 Deployments, such as a StatefulSet: migrate.io leaves them alone.

Exit codes: 0 done; 1 something would be refused, or is unreadable; 2 wrong usage`

/** Adds `migrate-io explain`. */
export function addExplainCommand(program: Command): void {
  addFileOption(program.command('explain'))
    .summary('say what would happen to each Deployment, and why')
    .description(
      'Says for each Deployment in the manifests whether it would be injected in a namespace that opted in, and why.',
    )
    .addHelpText('after', HELP)
    .action(async ({ filename }: FileOptions, command: Command) => {
      const { explain } = await import('./explain-action.ts')
      await explain(command, filename)
    })
}
