import { access, readFile } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Cluster, User } from './client-node.ts'
import { LoadError } from './errors.ts'

const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Which cluster, and who we are there. Nothing has been asked of it yet. */
export interface KubeTarget {
  readonly cluster: Cluster
  readonly user: User
  /** The context's, or the own pod's; `default` where neither says. */
  readonly namespace: string
  /** Whether it is the cluster that this process is a pod of. */
  readonly isOwnPod: boolean
  /** Where this was found, for messages. */
  readonly source: string
}

export interface LoadOptions {
  /** A file. Default: those in KUBECONFIG, else ~/.kube/config, else the service account of the own pod. */
  readonly kubeconfig?: string | undefined
  /** Default: the file's current-context. */
  readonly context?: string | undefined
  readonly env?: NodeJS.ProcessEnv
  /** Where a pod finds its service account. */
  readonly serviceAccountFolder?: string
}

/**
 * Finds the cluster in kubectl's order.
 *
 * @throws LoadError: no cluster is configured, a file can't be read or understood, there is no such context.
 */
export async function loadKube(options: LoadOptions = {}): Promise<KubeTarget> {
  const { kubeconfig, context, env = process.env, serviceAccountFolder = SERVICE_ACCOUNT_FOLDER } = options
  const home = join(env['HOME'] ?? homedir(), '.kube', 'config')
  const files =
    kubeconfig === undefined
      ? await existing(env['KUBECONFIG'] ? env['KUBECONFIG'].split(delimiter).filter(Boolean) : [home])
      : [kubeconfig]
  if (files.length > 0) return fromFiles(files, context)
  if (context === undefined && env['KUBERNETES_SERVICE_HOST'] && (await exists(join(serviceAccountFolder, 'token'))))
    return fromPod(env, serviceAccountFolder)
  throw new LoadError(
    'NO_CLUSTER',
    `no cluster is configured: ${env['KUBECONFIG'] ? `KUBECONFIG is ${env['KUBECONFIG']}` : `KUBECONFIG is not set, ${home}`}` +
      " (no such file), and this isn't a pod with a service account; give --kubeconfig FILE, or set KUBECONFIG",
  )
}

async function fromFiles(files: readonly string[], wanted: string | undefined): Promise<KubeTarget> {
  // In a pod no kubeconfig is read, so its parser is not loaded there.
  const { readKubeconfigs } = await import('./kubeconfig.ts')
  const { clusters, contexts, users, currentContext } = await readKubeconfigs(files)
  const place = files.join(', ')
  const known = contexts.map(({ name }) => name).join(', ') || 'none'
  const name = wanted ?? currentContext
  if (name === undefined)
    throw new LoadError('NO_CONTEXT', `${place} has no current-context: choose one with --context; it has: ${known}`)
  const context = contexts.find((each) => each.name === name)
  if (!context) throw new LoadError('NO_CONTEXT', `${place} has no context "${name}"; it has: ${known}`)
  const cluster = clusters.find((each) => each.name === context.cluster)
  if (!cluster)
    throw new LoadError(
      'NO_CONTEXT',
      `${place}: context "${name}" names cluster "${context.cluster}", which is missing`,
    )
  const user = users.find((each) => each.name === context.user)
  if (!user && context.user)
    throw new LoadError('NO_CONTEXT', `${place}: context "${name}" names user "${context.user}", which is missing`)
  return {
    cluster,
    user: user ?? { name: 'nobody' },
    namespace: context.namespace || 'default',
    isOwnPod: false,
    source: `context "${name}" of ${place}`,
  }
}

async function fromPod(env: NodeJS.ProcessEnv, folder: string): Promise<KubeTarget> {
  const host = env['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = env['KUBERNETES_SERVICE_PORT'] || '443'
  const namespace = await readFile(join(folder, 'namespace'), 'utf8').catch(() => 'default')
  return {
    cluster: {
      name: 'in-cluster',
      server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      caFile: join(folder, 'ca.crt'),
      skipTLSVerify: false,
    },
    user: {
      name: 'service-account',
      authProvider: { name: 'tokenFile', config: { tokenFile: join(folder, 'token') } },
    },
    namespace: namespace.trim(),
    isOwnPod: true,
    source: 'the service account of this pod',
  }
}

async function existing(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(files.map(exists))
  return files.filter((_, nth) => found[nth])
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
