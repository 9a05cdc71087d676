import { spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { spawnTied } from './spawn.ts'

const OLDEST_MINOR = 26
const WHAT_TO_DO =
  'Install Go 1.26 or later, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl of envtest.'

/** Throws, with what to do, unless a Go that can build the programs of the module in this folder is there. */
export function requireGo(folder: string, environment: NodeJS.ProcessEnv): void {
  const { error, status, stdout, stderr } = spawnSync('go', ['env', 'GOVERSION'], {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
  })
  if (error)
    throw new Error(`The programs of Kubernetes are built with Go, and there is no go. ${WHAT_TO_DO}`, { cause: error })
  // Go asked in the module's folder fetches the version that its go.mod wants; where it can't, it says so and fails.
  if (status !== 0) throw new Error(`go does not run: ${stderr.trim()}. ${WHAT_TO_DO}`)
  const [, minor] = /^go1\.(\d+)/.exec(stdout) ?? []
  if (minor !== undefined && Number(minor) < OLDEST_MINOR) {
    throw new Error(`${stdout.trim()} is too old to build the programs of Kubernetes. ${WHAT_TO_DO}`)
  }
}

export interface GoOptions {
  /** Where programs are installed. */
  GOBIN?: string
  /** Where modules are downloaded to, if not where Go keeps them all. */
  GOMODCACHE?: string
  GOFLAGS?: string
  environment: NodeJS.ProcessEnv
}

/** Runs go in the folder and returns what it wrote to stdout. Throws with what it wrote to stderr. */
export async function runGo(folder: string, args: readonly string[], options: GoOptions): Promise<string> {
  // A target platform can't be had together with GOBIN, and a workspace would override the module's versions.
  const { environment, ...own } = options
  const { GOOS: _os, GOARCH: _arch, ...rest } = environment
  const go = spawnTied('go', [...args], {
    cwd: folder,
    env: { ...rest, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off', ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    go.once('error', reject)
    go.once('close', resolve)
  })
  const [stdout, stderr, code] = await Promise.all([
    go.stdout ? text(go.stdout) : '',
    go.stderr ? text(go.stderr) : '',
    ended,
  ])
  if (code !== 0) throw new Error(`go ${args[0]} failed with exit code ${code}:\n${stderr.trim()}`)
  return stdout
}
