import type { Command } from 'commander'

export interface FileOptions {
  readonly filename: readonly string[]
}

/** `-f` as kubectl has it: several, folders, `-`. What reads them is loaded only when a command runs. */
export function addFileOption(command: Command): Command {
  return command.requiredOption(
    '-f, --filename <file...>',
    'files, folders (all manifests below them), or - for standard input',
  )
}
