import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { buildMissing } from './build.ts'
import { kubernetesModule, toolboxModule } from './module.ts'

const SERVER = ['etcd', 'kube-apiserver', 'kubectl'] as const

/** Paths of the programs of an API server, on which no controller of Kubernetes runs. */
export type ServerBinaries = Record<(typeof SERVER)[number], string>

/** Paths of the programs that a cluster without nodes consists of. */
export type Binaries = ServerBinaries & Record<'kube-controller-manager', string>

/** The programs of KUBEBUILDER_ASSETS where that is set, of any version; else built from their Go modules. */
export async function findServerBinaries(environment: NodeJS.ProcessEnv = process.env): Promise<ServerBinaries> {
  const assets = environment['KUBEBUILDER_ASSETS']
  if (!assets) return await buildMissing(kubernetesModule(), SERVER, environment)
  const asset = (name: string) => executable(join(assets, name))
  return { etcd: asset('etcd'), 'kube-apiserver': asset('kube-apiserver'), kubectl: asset('kubectl') }
}

/**
 * Those of an API server, with a kube-controller-manager that is built to go with them: KUBEBUILDER_ASSETS has none.
 * Throws, with what to do, where that can't be.
 */
export async function findBinaries(environment: NodeJS.ProcessEnv = process.env): Promise<Binaries> {
  const module = kubernetesModule()
  const assets = environment['KUBEBUILDER_ASSETS']
  if (!assets) return await buildMissing(module, [...SERVER, 'kube-controller-manager'], environment)
  const given = await findServerBinaries(environment)
  const version = minorVersion(given['kube-apiserver'])
  const { minor } = module
  if (version !== minor) {
    throw new Error(
      `KUBEBUILDER_ASSETS (${assets}) holds Kubernetes ${version} and no kube-controller-manager, and one can be built ` +
        `here for ${minor} only. Set it to the assets of Kubernetes ${minor}, or unset it to have all programs built with Go.`,
    )
  }
  return { ...given, ...(await buildMissing(module, ['kube-controller-manager'], environment)) }
}

const NODE_LEVEL = ['kubelet', 'kube-proxy', 'kube-scheduler'] as const

/** Paths of the programs that nodes add. */
export type NodeBinaries = Record<(typeof NODE_LEVEL)[number], string>

/** The programs that nodes add, built from their Go modules where the cache lacks them. */
export async function findNodeBinaries(environment: NodeJS.ProcessEnv = process.env): Promise<NodeBinaries> {
  return await buildMissing(kubernetesModule(), NODE_LEVEL, environment)
}

const TOOLBOX = ['helm', 'kubeconform', 'prometheus', 'promtool'] as const
export type Tool = (typeof TOOLBOX)[number]

/** Path of a program that looks at what is installed, built from its Go module where the cache lacks it. */
export async function findTool(tool: Tool, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  return (await buildMissing(toolboxModule(), [tool], environment))[tool]
}

function executable(file: string): string {
  try {
    accessSync(file, constants.X_OK)
    return file
  } catch (cause) {
    throw new Error(`KUBEBUILDER_ASSETS is set, but there is no program ${file}. Correct it, or unset it.`, { cause })
  }
}

/** Such as 1.37. */
function minorVersion(apiServer: string): string {
  const output = execFileSync(apiServer, ['--version'], { encoding: 'utf8' })
  const version = /v(\d+\.\d+)\./.exec(output)?.[1]
  if (version === undefined) throw new Error(`${apiServer} --version says no version: ${output.trim()}`)
  return version
}
