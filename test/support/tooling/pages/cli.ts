import type { Command } from 'commander'
import { programAs } from '../../../../src/cli/program.ts'
import type { Generated } from '../generated.ts'
import { page } from './markdown.ts'

const WIDTH = 100

/** The help of every command, as the program prints it. */
export function cliPage(): Generated {
  const program = programAs('migrate-io')
  return page(
    'cli',
    "the program's own help",
    '# Command line',
    '`migrate-io`; as a plugin of kubectl `kubectl migrate-io`, which is the same program under the name `kubectl-migrate_io`. [How to get it](../how-to/install.md#the-command-line).',
    ...[program, ...program.commands].flatMap((command) => [
      command === program ? '## migrate-io' : `## ${command.name()}`,
      `\`\`\`text\n${helpOf(command)}\n\`\`\``,
    ]),
  )
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return text.trim()
}
