import type { Api } from '../../kube/api.ts'
import type { Transport } from '../../kube/transport.ts'
import type { ClusterOptions } from './options.ts'

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
 * Finds the cluster as kubectl does. What talks to a cluster is loaded here, so that commands on files stay fast. Nothing
 * is asked of it yet.
 *
 * @throws LoadError: with one line for the user
 */
export async function connectCluster(options: ClusterOptions): Promise<ClusterConnection> {
  const [{ loadKube }, { connect }, { createApi }] = await Promise.all([
    import('../../kube/load.ts'),
    import('../../kube/transport.ts'),
    import('../../kube/client.ts'),
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
