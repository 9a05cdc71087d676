import { type Command, Option } from 'commander'

export interface FileOptions {
  readonly filename: readonly string[]
}

/** `-f` as kubectl has it: several, folders, `-`. What reads them is loaded only when a command runs. */
export function fileOption(): Option {
  return new Option('-f, --filename <file...>', 'files, folders (all manifests below them), or - for standard input')
}

/** Adds `-f` to a command that can't do without. */
export function addFileOption(command: Command): Command {
  return command.addOption(fileOption().makeOptionMandatory())
}
