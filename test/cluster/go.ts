import { spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { MODULE_FOLDER } from './module.ts'
import { spawnTied } from './spawn.ts'

const OLDEST_MINOR = 26
const WHAT_TO_DO =
  'Install Go 1.26 or later, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl of envtest.'

/** Throws, with what to do, unless a Go that can build the programs is there. */
export function requireGo(environment: NodeJS.ProcessEnv): void {
  const { error, status, stdout, stderr } = spawnSync('go', ['env', 'GOVERSION'], {
    cwd: MODULE_FOLDER,
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

/** Runs go in the module's folder, with its results in `bin`. Throws with what it wrote to stderr. */
export async function runGo(args: string[], bin: string, environment: NodeJS.ProcessEnv): Promise<void> {
  // A target platform can't be had together with GOBIN, and a workspace would override the module's versions.
  const { GOOS: _os, GOARCH: _arch, ...rest } = environment
  const go = spawnTied('go', args, {
    cwd: MODULE_FOLDER,
    env: { ...rest, GOBIN: bin, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    go.once('error', reject)
    go.once('close', resolve)
  })
  const [stderr, code] = await Promise.all([go.stderr ? text(go.stderr) : '', ended])
  if (code !== 0) throw new Error(`go ${args[0]} failed with exit code ${code}:\n${stderr.trim()}`)
}
