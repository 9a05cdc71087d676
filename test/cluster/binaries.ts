import { execFileSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { buildMissing } from './build.ts'
import { kubernetesModule, toolboxModule } from './module.ts'

const API_LEVEL = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const
export type Binary = (typeof API_LEVEL)[number]

/** Paths of the programs that a cluster without nodes consists of. */
export type Binaries = Record<Binary, string>

/**
 * The programs of KUBEBUILDER_ASSETS where that is set, with a kube-controller-manager built to go with them, since it
 * has none; else all built from their Go modules. Throws, with what to do, when neither is possible.
 */
export async function findBinaries(environment: NodeJS.ProcessEnv = process.env): Promise<Binaries> {
  const assets = environment['KUBEBUILDER_ASSETS']
  if (!assets) return await buildMissing(kubernetesModule(), API_LEVEL, environment)
  const asset = (name: string) => executable(join(assets, name))
  const given = { etcd: asset('etcd'), 'kube-apiserver': asset('kube-apiserver'), kubectl: asset('kubectl') }
  const version = minorVersion(given['kube-apiserver'])
  const module = kubernetesModule()
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
