import { basename } from 'node:path'

const PLUGIN = /^kubectl-migrate_io(\.js)?$/

/** How the user called the program: as kubectl's plugin it is found by the name `kubectl-migrate_io`. */
export function calledAs(argv: readonly string[] = process.argv): string {
  return PLUGIN.test(basename(argv[1] ?? '')) ? 'kubectl migrate-io' : 'migrate-io'
}

/** Not the namespace of that name in `kubectl -n migrate-io get pods`. */
const COMMAND = /(?<![-./\w])migrate-io(?= (?:inject|uninject|explain|status|logs|rerun|unlock|webhook|controller)\b)/g

/** A text with commands of ours, as the user would type them. */
export function asCalled(text: string, name = calledAs()): string {
  return text.replaceAll(COMMAND, name)
}
