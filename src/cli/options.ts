import { basename } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { DURATION_ALLOWED, parseDuration } from '../injection/annotations.ts'
import type { LogLevel } from '../observability/logs.ts'

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const PLUGIN = /^kubectl-migrate_io(\.js)?$/
/** Not the namespace of that name in `kubectl -n migrate-io get pods`. */
const COMMAND = /(?<![-./\w])migrate-io(?= (?:inject|uninject|explain|status|logs|rerun|unlock|webhook|controller)\b)/g
const KIND = /^(deployments?|deploy)(\.apps)?\//
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/
const PORT_MAX = 65_535

/** Which cluster, and which part of it. */
export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
  readonly allNamespaces?: true
}

/** How a cluster is found, for the help of each command on one. */
export const CLUSTER_HELP = `Which cluster: as kubectl finds it, by --kubeconfig, KUBECONFIG (several files are merged), ~/.kube/config, or the service
account of the own pod; with your own permissions.`

/** The options by which kubectl finds a cluster and namespaces, under kubectl's names. */
export function addClusterOptions(command: Command, namespaceDefault?: string): Command {
  return addNamespaceOptions(command, namespaceDefault).addOption(
    new Option('-A, --all-namespaces', 'all namespaces').conflicts('namespace'),
  )
}

/** The same for a command on one namespace. */
export function addNamespaceOptions(command: Command, namespaceDefault = "the context's own"): Command {
  return command
    .option('--kubeconfig <file>', 'which cluster (default: KUBECONFIG, ~/.kube/config, or the own pod)')
    .option('--context <name>', "a context of that file (default: the file's current one)")
    .addOption(
      new Option('-n, --namespace <name>', `in this namespace (default: ${namespaceDefault})`).argParser(namespace),
    )
}

/** @throws InvalidArgumentError that says what is allowed */
function namespace(text: string): string {
  if (DNS_LABEL.test(text)) return text
  throw new InvalidArgumentError(
    'Must be the name of a namespace: up to 63 lower case letters, digits and dashes, with no dash at either end.',
  )
}

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

/**
 * The name of a Deployment, alone or as `deployment/NAME`, which kubectl takes too.
 * @throws InvalidArgumentError that says what is allowed
 */
export function deploymentName(text: string): string {
  const name = text.replace(KIND, '')
  if (NAME.test(name)) return name
  throw new InvalidArgumentError('Must be the name of a Deployment, such as web or deployment/web.')
}

/** Seconds. @throws InvalidArgumentError that says what is allowed */
export function duration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined) return seconds
  throw new InvalidArgumentError(`Allowed: ${DURATION_ALLOWED}.`)
}

export function port(text: string): number {
  return wholeNumber(text, PORT_MAX)
}

/** @throws InvalidArgumentError that says what is allowed */
export function wholeNumber(text: string, max: number): number {
  if (/^\d{1,6}$/.test(text) && Number(text) <= max) return Number(text)
  throw new InvalidArgumentError(`Must be a whole number from 0 to ${max}.`)
}

/** Written out and not imported from observability: that would load the logger for `--help` and each other command. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** How the user called the program: as kubectl's plugin it is found by the name `kubectl-migrate_io`. */
export function calledAs(argv: readonly string[] = process.argv): string {
  return PLUGIN.test(basename(argv[1] ?? '')) ? 'kubectl migrate-io' : 'migrate-io'
}

/** A text with commands of ours, as the user would type them. */
export function asCalled(text: string, name = calledAs()): string {
  return text.replaceAll(COMMAND, name)
}
