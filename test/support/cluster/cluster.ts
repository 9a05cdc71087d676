import { readFileSync } from 'node:fs'
import { type Answer, Api } from './api.ts'
import { findBinaries, findServerBinaries } from './binaries.ts'
import { makePki, pkiFiles } from './certificates.ts'
import { COMPONENTS, type Component, programOf, type Setup, urlOf } from './components.ts'
import { type Control, controlOf, type EndOptions } from './control.ts'
import { adminKubeconfig, claimControlPlanePorts, defaultAccount, startControlPlane } from './control-plane.ts'
import { type KubectlOptions, type KubectlResult, kubectl } from './kubectl.ts'
import { type FolderOptions, inNewRunFolder, type Owned } from './own-folder.ts'
import { LOOPBACK } from './ports.ts'
import { end, logFile, ready } from './processes.ts'
import { isRunning, removeLeftovers, removeRunFolder } from './run-folder.ts'
import { readSetup, writeSetup } from './setup-file.ts'

export type { Answer, Component, EndOptions, KubectlOptions, KubectlResult }

/** A detached cluster lives until `(await connectCluster(folder)).stop()`. */
export interface ClusterOptions extends FolderOptions {
  /** Appended to a component's own arguments; for a flag given twice, the last one counts. */
  extraArguments?: Setup['extraArguments']
  /** Default: true. Without them there are no ReplicaSets, pods or service accounts, and one program less to build. */
  hasControllers?: boolean
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
  /** Holds a component where it stands, its connections open, until `resume`. */
  pause(component: Component): void
  resume(component: Component): void
}

/**
 * Starts etcd, kube-apiserver and kube-controller-manager, and returns when pods can be created in namespace `default`.
 * Builds the programs first where they are missing, which takes minutes. Removes what dead owners left behind.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { parent, extraArguments = {}, hasControllers = true } = options
  removeLeftovers(parent)
  const binaries = await (hasControllers ? findBinaries() : findServerBinaries())
  return inNewRunFolder(options, async (owned) => {
    const ports = await claimControlPlanePorts(owned.folder)
    const setup: Setup = { binaries, ports, address: LOOPBACK, flags: {}, extraArguments }
    await makePki(owned.folder)
    await startControlPlane(owned, setup)
    const cluster = clusterIn(owned, setup)
    if (hasControllers) await defaultAccount(cluster)
    writeSetup(owned.folder, setup)
    return cluster
  })
}

/**
 * The cluster that another process has started, by its run folder. What is restarted through it does not die with this
 * process, since the cluster isn't ours.
 */
export async function connectCluster(folder: string): Promise<Cluster> {
  return clusterIn({ folder, tied: false, forget: () => {} }, readSetup(folder))
}

/** The handle of the cluster in a folder. Does nothing by itself. */
export function clusterIn({ folder, tied, forget }: Owned, setup: Setup): Cluster {
  const files = pkiFiles(folder)
  const read = (file: string) => readFileSync(file, 'utf8')
  const url = urlOf(setup)
  const ca = read(files.ca.certificate)
  const certificate = read(files.admin.certificate)
  const key = read(files.admin.key)
  const kubeconfig = adminKubeconfig(folder)
  const api = new Api({ url, ca, certificate, key })
  const program = (component: Component) => programOf(component, folder, setup)
  const control: Control<Component> = controlOf(folder, tied, program)
  const start = async (component: Component) => {
    await control.start(component)
    if (isRunning(folder, 'kube-apiserver')) await ready(program('kube-apiserver'), folder)
  }
  const stop = async (component?: Component, options?: EndOptions) => {
    api.close()
    if (component) return control.stop(component, options)
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
    pause: control.pause,
    resume: control.resume,
    [Symbol.asyncDispose]: () => stop(),
  }
}
