import type { Command } from 'commander'
import { addFileOption, type FileOptions } from './file-option.ts'

const HELP = `
The user's own annotations stay; strategy and deadline become what they were.

Examples:
  migrate-io uninject -f injected.yaml > deployment.yaml
  kubectl get deployment flask -o yaml | migrate-io uninject -f -

Exit codes: 0 done; 1 refused or unreadable; 2 wrong usage`

/** Adds `migrate-io uninject`. */
export function addUninjectCommand(program: Command): void {
  addFileOption(program.command('uninject'))
    .summary('take the migration out of manifests')
    .description('Prints the manifests with all that was injected taken out: the inverse of inject.')
    .addHelpText('after', HELP)
    .action(async ({ filename }: FileOptions, command: Command) => {
      const [{ decide }, { rewrite }] = await Promise.all([import('../migration/decide.ts'), import('./rewrite.ts')])
      rewrite(command, filename, (object) => decide({ object, optedIn: false }))
    })
}
