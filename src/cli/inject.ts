import type { Command } from 'commander'
import { ANNOTATIONS } from '../injection/annotations.ts'
import { PREFIX } from '../names.ts'
import { addFileOption, type FileOptions } from './options.ts'

/** Adds `migrate-io inject`. */
export function addInjectCommand(program: Command): void {
  addFileOption(program.command('inject'))
    .summary('put the migration into manifests')
    .description(
      `Prints the manifests with the migration in each Deployment that is annotated with ${PREFIX}command, as the webhook would store them. Everything else is printed unchanged.`,
    )
    .addHelpText('after', help())
    .action(async ({ filename }: FileOptions, command: Command) => {
      const { injectManifests } = await import('./inject-action.ts')
      await injectManifests(command, filename)
    })
}

/** As it has to stand in a manifest, where annotations are strings: an unquoted 3 would be a number. */
function asYaml(example: string): string {
  return /^\d+$/.test(example) ? `"${example}"` : example
}

function help(): string {
  const annotations = Object.entries(ANNOTATIONS).map(
    ([name, { value, default: otherwise, example }]) =>
      `  ${PREFIX}${name}: ${asYaml(example)}\n      ${value}\n      default: ${otherwise}`,
  )
  return `
Annotations, on the Deployment's own metadata:
${annotations.join('\n')}

Examples:
  migrate-io inject -f deployment.yaml | kubectl apply -f -
  helm template . | migrate-io inject -f - > injected.yaml

The pods wait for the controller, so the cluster still needs migrate.io. If its webhook is installed too, the namespace
needs the label migrate.io/injection=enabled: in other namespaces the webhook removes what was injected.

Warnings and refusals go to standard error. If anything is refused, nothing is printed. It warns about annotated
objects that aren't apps/v1 Deployments, such as a StatefulSet, and prints them unchanged.
Exit codes: 0 done; 1 refused or unreadable; 2 wrong usage`
}
