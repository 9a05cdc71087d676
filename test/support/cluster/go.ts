import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { canInstall, isInstalled, needPrograms } from '../tooling/debian.ts'
import { cacheRoot } from './cache.ts'
import { withLock } from './file-lock.ts'
import { showProgress } from './progress.ts'
import { spawnTied } from './spawn.ts'

const OLDEST_MINOR = 26
/** What an older Go fetches: at least what each go.mod here asks for. */
const FETCHED = '1.26.8'
const WHAT_TO_DO =
  'Install Go 1.26 or later, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl of envtest.'

/**
 * The go program that can build the module in this folder. As root on a Debian it is installed where there is none; an older
 * one, such as Debian's, fetches a newer one from the module proxy, into the cache.
 * @throws Error that says what to do
 */
export async function findGo(folder: string, environment: NodeJS.ProcessEnv): Promise<string> {
  let found = versionOf(folder, environment)
  let notInstalled: unknown
  if (found.isMissing && canInstall(environment)) {
    try {
      needPrograms([{ program: 'go', debianPackage: 'golang-go' }], environment)
      found = versionOf(folder, environment)
    } catch (error) {
      notInstalled = error
    }
  }
  if (found.isMissing) {
    const tried = notInstalled === undefined ? '' : ' It could not be installed by apt-get.'
    const cause = notInstalled ?? found.said
    throw new Error(`The programs of Kubernetes are built with Go, and there is no go.${tried} ${WHAT_TO_DO}`, {
      cause,
    })
  }
  // Go asked in the module's folder fetches the version that its go.mod wants; where it can't, it says so and fails.
  const { version } = found
  if (version !== undefined && !isOld(version)) return 'go'
  try {
    return await fetchGo(environment)
  } catch (cause) {
    const why =
      version === undefined
        ? `go does not run: ${found.said},`
        : `${version} is too old to build the programs of Kubernetes,`
    throw new Error(`${why} and fetches no newer one: ${(cause as Error).message}. ${WHAT_TO_DO}`, { cause })
  }
}

interface Found {
  readonly isMissing: boolean
  /** Such as go1.26.8; undefined where it does not run. */
  readonly version: string | undefined
  readonly said: string
}

function versionOf(folder: string, environment: NodeJS.ProcessEnv): Found {
  const { error, status, stdout, stderr } = spawnSync('go', ['env', 'GOVERSION'], {
    cwd: folder,
    env: environment,
    encoding: 'utf8',
  })
  if (error) return { isMissing: true, version: undefined, said: error.message }
  return { isMissing: false, version: status === 0 ? stdout.trim() : undefined, said: stderr.trim() }
}

function isOld(version: string): boolean {
  const [, minor] = /^go1\.(\d+)/.exec(version) ?? []
  return minor !== undefined && Number(minor) < OLDEST_MINOR
}

/** Go as a module: an old Go checks it by its sum as any other, but does not make its files executable. */
async function fetchGo(environment: NodeJS.ProcessEnv): Promise<string> {
  const modules = join(cacheRoot(environment), 'go')
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const module = `golang.org/toolchain@v0.0.1-go${FETCHED}.${process.platform}-${architecture}`
  const go = join(modules, module, 'bin/go')
  mkdirSync(modules, { recursive: true })
  await withLock(`${modules}.lock`, async () => {
    if (isInstalled(go, environment)) return
    const done = showProgress(`fetching Go ${FETCHED}`)
    try {
      // Without this, nothing but go itself could remove what it fetched.
      const own = { GOMODCACHE: modules, GOFLAGS: '-modcacherw', environment }
      await runGo('go', modules, ['mod', 'download', module], own)
      for (const program of globSync('pkg/tool/*/*', { cwd: join(modules, module) }))
        chmodSync(join(modules, module, program), 0o755)
      // Last: one that may be run is complete.
      chmodSync(go, 0o755)
    } finally {
      done()
    }
  })
  return go
}

export interface GoOptions {
  /** Where programs are installed. */
  GOBIN?: string
  /** Where modules are downloaded to, if not where Go keeps them all. */
  GOMODCACHE?: string
  GOFLAGS?: string
  environment: NodeJS.ProcessEnv
  /** Told each line that it writes to stderr. */
  onLine?: (line: string) => void
}

/** Runs this go in the folder and returns what it wrote to stdout. Throws with what it wrote to stderr. */
export async function runGo(
  program: string,
  folder: string,
  args: readonly string[],
  options: GoOptions,
): Promise<string> {
  // A target platform can't be had together with GOBIN, and a workspace would override the module's versions.
  const { environment, onLine, ...own } = options
  const { GOOS: _os, GOARCH: _arch, ...rest } = environment
  const go = spawnTied(program, [...args], {
    cwd: folder,
    env: { ...rest, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOWORK: 'off', ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    go.once('error', reject)
    go.once('close', resolve)
  })
  if (go.stderr && onLine) createInterface(go.stderr).on('line', onLine)
  const [stdout, stderr, code] = await Promise.all([
    go.stdout ? text(go.stdout) : '',
    go.stderr ? text(go.stderr) : '',
    ended,
  ])
  if (code !== 0) throw new Error(`go ${args[0]} failed with exit code ${code}:\n${stderr.trim()}`)
  return stdout
}
