import { type Command, InvalidArgumentError, Option } from 'commander'

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

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

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
