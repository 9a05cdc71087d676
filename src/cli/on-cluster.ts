import type { Command } from 'commander'
import { type Api, KubeError, type KubeErrorCode } from '../kube/api.ts'
import { LoadError } from '../kube/errors.ts'
import type { Transport } from '../kube/transport.ts'
import { gather } from '../status/gather.ts'
import type { Situation } from '../status/situation.ts'
import { type DeploymentStatus, deploymentStatusOf } from '../status/status.ts'
import { EXIT_REFUSED } from './exit-codes.ts'
import { type ClusterOptions, calledAs } from './options.ts'
import { NoTerminalError } from './terminal.ts'

/** What to do; the message before it says what was asked, what came back, and which permission is missing. */
const ADVICE: Readonly<Record<KubeErrorCode, string>> = {
  forbidden: 'ask your cluster administrator for it, or choose another user with --context',
  unavailable:
    'check that the cluster is up and that --kubeconfig and --context name the right one, then run the command again',
  conflict: 'another client changed it in the meantime: run the command again',
  invalid: 'the cluster will keep refusing it',
}

/** A cluster as a command sees it. To be closed, or the program waits for its idle connections. */
export interface ClusterConnection extends Disposable {
  readonly api: Api
  /** For calls that `api` does not have. */
  readonly transport: Transport
  /** The one that is meant; undefined: all. */
  readonly namespace: string | undefined
  /** Where the cluster was found, for messages. */
  readonly source: string
}

/**
 * Does a command's work on the cluster that its options name, and closes the connection. Where the cluster can't be found
 * or asked, the program ends with one line and exit code 1.
 */
export async function onCluster<T>(
  command: Command,
  options: ClusterOptions,
  work: (cluster: ClusterConnection) => Promise<T>,
): Promise<T> {
  let source: string | undefined
  try {
    using cluster = await connectCluster(options)
    source = cluster.source
    return await work(cluster)
  } catch (error) {
    const words = troubleInWords(error, source)
    if (words === undefined) throw error
    return command.error(`migrate-io ${command.name()}: ${words}`, { exitCode: EXIT_REFUSED })
  }
}

/**
 * Finds the cluster as kubectl does. What talks to a cluster is loaded here, so that commands on files stay fast. Nothing
 * is asked of it yet.
 *
 * @throws LoadError: with one line for the user
 */
export async function connectCluster(options: ClusterOptions): Promise<ClusterConnection> {
  const [{ loadKube }, { connect }, { createApi }] = await Promise.all([
    import('../kube/load.ts'),
    import('../kube/transport.ts'),
    import('../kube/client.ts'),
  ])
  const target = await loadKube({ kubeconfig: options.kubeconfig, context: options.context })
  const transport = await connect(target)
  return {
    api: createApi(transport),
    transport,
    namespace: options.allNamespaces ? undefined : (options.namespace ?? target.namespace),
    source: target.source,
    [Symbol.dispose]: () => transport.close(),
  }
}

/**
 * One line for the user: what was asked of the cluster and what came back; for a missing permission its verb, resource
 * and namespace; and what to do. Undefined for anything else, which is a fault of the program.
 * @param source where the cluster was found
 */
export function troubleInWords(error: unknown, source?: string): string | undefined {
  if (error instanceof LoadError || error instanceof NoTerminalError) return oneLine(error.message)
  if (!(error instanceof KubeError)) return undefined
  const where = error.code === 'unavailable' && source !== undefined ? ` (${source})` : ''
  return oneLine(`${error.message}${where}; ${ADVICE[error.code]}`)
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

export interface Seen {
  readonly situation: Situation
  readonly status: DeploymentStatus
}

/**
 * Reads how one Deployment stands; ends the program with one line where there is none of that name.
 * @throws KubeError
 */
export async function readOne(command: Command, cluster: ClusterConnection, deployment: string): Promise<Seen> {
  const { situations } = await gather(cluster, { namespace: cluster.namespace, deployment }, Date.now())
  const situation = situations.find(({ facts }) => facts.deployment.metadata.name === deployment)
  if (situation === undefined)
    return command.error(noDeployment(command, deployment, cluster), { exitCode: EXIT_REFUSED })
  return { situation, status: deploymentStatusOf(situation, calledAs()) }
}

/** For a Deployment that does not exist. */
export function noDeployment(
  command: Command,
  deployment: string,
  { namespace, source }: Pick<ClusterConnection, 'namespace' | 'source'>,
): string {
  const where = namespace === undefined ? 'in any namespace' : `in namespace ${namespace}`
  return `migrate-io ${command.name()}: no Deployment ${deployment} ${where} (${source}); choose another place with -n, -A or --context`
}

/** Lets a command that goes on for a while bear an API server that is away for some of it; it says so once at a time. */
export class UnlessAway {
  #said = ''

  /** @returns undefined where the API server does not answer. Throws all other failures. */
  async try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await work()
      this.#said = ''
      return result
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'unavailable') throw error
      if (error.message !== this.#said) process.stderr.write(`${error.message}; retrying\n`)
      this.#said = error.message
      return undefined
    }
  }
}
