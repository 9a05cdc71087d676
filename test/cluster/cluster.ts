import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../until.ts'
import { type Answer, Api } from './api.ts'
import { findBinaries } from './binaries.ts'
import { makePki, pkiFiles } from './certificates.ts'
import { COMPONENTS, type Component, controllerManagerKubeconfig, type Setup, urlOf } from './components.ts'
import { writeKubeconfig } from './kubeconfig.ts'
import { type KubectlOptions, type KubectlResult, kubectl } from './kubectl.ts'
import { atOwnersEnd } from './owner-end.ts'
import { claimPorts } from './ports.ts'
import { end, launch, logFile, ready } from './processes.ts'
import { detachRunFolder, isRunning, makeRunFolder, removeLeftovers, removeRunFolder } from './run-folder.ts'

export type { Answer, Component, KubectlOptions, KubectlResult }

const DEFAULT_ACCOUNT = '/api/v1/namespaces/default/serviceaccounts/default'
const ACCOUNT_LIMIT_MS = 30_000
const SETUP_FILE = 'cluster.json'

export interface ClusterOptions {
  /** Where the run folder is made. Default: the system's temporary folder. */
  parent?: string
  /** The cluster outlives this process, until `(await connectCluster(folder)).stop()`. */
  detached?: boolean
  /** Appended to a component's own arguments; for a flag given twice, the last one counts. */
  extraArguments?: Setup['extraArguments']
}

/**
 * How a component is ended. Default: SIGKILL, a crash, after which a component serves again within about 2 s. SIGTERM
 * lets it finish what it does: kube-apiserver then waits for its watchers, until it is killed after 15 s.
 */
export interface EndOptions {
  by?: 'SIGTERM' | 'SIGKILL'
}

/** A real control plane without nodes, on the loopback address. */
export interface Cluster extends AsyncDisposable {
  /** The run folder: certificates, logs, data. Gone after `stop()`. */
  readonly folder: string
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly url: string
  /** The authority of the API server's certificate, and its file; then the administrator's certificate and key. PEM. */
  readonly ca: string
  readonly caFile: string
  readonly certificate: string
  readonly key: string
  /** Always against this cluster. A failure throws an error with the command and what kubectl wrote to stderr. */
  kubectl(args: string[], options?: KubectlOptions): Promise<KubectlResult>
  /** A raw call with the administrator's certificate. Any status is an answer. */
  get<T = unknown>(path: string): Promise<Answer<T>>
  request<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>
  /** The API server's metrics, as Prometheus reads them. */
  metrics(): Promise<string>
  /** Path of the component's log. */
  log(component: Component): string
  /** Returns when the component is ready, and so is the API server, if it runs. */
  start(component: Component): Promise<void>
  restart(component: Component, options?: EndOptions): Promise<void>
  /** Ends one component, to be started again; without a component, ends and removes the whole cluster. */
  stop(component?: Component, options?: EndOptions): Promise<void>
}

/**
 * Starts etcd, kube-apiserver and kube-controller-manager, and returns when pods can be created in namespace `default`.
 * Builds the programs first where they are missing, which takes minutes. Removes what dead owners left behind.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { parent, detached = false, extraArguments = {} } = options
  removeLeftovers(parent)
  const binaries = await findBinaries()
  const folder = makeRunFolder(parent)
  const forget = atOwnersEnd(() => removeRunFolder(folder))
  try {
    const [etcd = 0, etcdPeer = 0, apiServer = 0, controllerManager = 0] = await claimPorts(folder, 4)
    const setup: Setup = { binaries, ports: { etcd, etcdPeer, apiServer, controllerManager }, extraArguments }
    await makePki(folder)
    const { admin, controllerManager: manager } = pkiFiles(folder)
    writeKubeconfig(adminKubeconfig(folder), folder, urlOf(setup), admin)
    writeKubeconfig(controllerManagerKubeconfig(folder), folder, urlOf(setup), manager)
    const tied = !detached
    for (const component of COMPONENTS) {
      launch(component, folder, setup, tied)
      await ready(component, folder, setup)
    }
    const cluster = clusterIn(folder, setup, tied, forget)
    await until('the default service account exists', () => cluster.get(DEFAULT_ACCOUNT), {
      limitMs: ACCOUNT_LIMIT_MS,
      accept: ({ status }) => status === 200,
    })
    // Written last: a folder with this file is a cluster that was ready.
    writeFileSync(join(folder, SETUP_FILE), JSON.stringify(setup, null, 2))
    if (detached) {
      detachRunFolder(folder)
      forget()
    }
    return cluster
  } catch (error) {
    forget()
    removeRunFolder(folder)
    throw error
  }
}

/**
 * The cluster that another process has started, by its run folder. What is restarted through it does not die with this
 * process, since the cluster isn't ours.
 */
export async function connectCluster(folder: string): Promise<Cluster> {
  let text: string
  try {
    text = readFileSync(join(folder, SETUP_FILE), 'utf8')
  } catch (cause) {
    throw new Error(`${folder} is not the run folder of a cluster that is ready`, { cause })
  }
  return clusterIn(folder, JSON.parse(text) as Setup, false, () => {})
}

function adminKubeconfig(folder: string): string {
  return join(folder, 'admin.kubeconfig')
}

function clusterIn(folder: string, setup: Setup, tied: boolean, forget: () => void): Cluster {
  const files = pkiFiles(folder)
  const read = (file: string) => readFileSync(file, 'utf8')
  const url = urlOf(setup)
  const ca = read(files.ca.certificate)
  const certificate = read(files.admin.certificate)
  const key = read(files.admin.key)
  const kubeconfig = adminKubeconfig(folder)
  const api = new Api({ url, ca, certificate, key })
  const start = async (component: Component) => {
    launch(component, folder, setup, tied)
    await ready(component, folder, setup)
    if (isRunning(folder, 'kube-apiserver')) await ready('kube-apiserver', folder, setup)
  }
  const stop = async (component?: Component, { by = 'SIGKILL' }: EndOptions = {}) => {
    api.close()
    if (component) return end(component, folder, by)
    // Nothing of it is needed any more, so nobody waits for an orderly end.
    await Promise.all(COMPONENTS.map((each) => end(each, folder, 'SIGKILL')))
    forget()
    removeRunFolder(folder)
  }
  return {
    folder,
    kubeconfig,
    url,
    ca,
    caFile: files.ca.certificate,
    certificate,
    key,
    kubectl: (args, options) => kubectl({ binary: setup.binaries.kubectl, kubeconfig, folder }, args, options),
    get: (path) => api.request('GET', path),
    request: (method, path, body, headers) => api.request(method, path, body, headers),
    metrics: () => api.text('/metrics'),
    log: (component) => logFile(folder, component),
    start,
    restart: async (component, options) => {
      await stop(component, options)
      await start(component)
    },
    stop,
    [Symbol.asyncDispose]: () => stop(),
  }
}
