import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot } from './cache.ts'
import { withLock } from './file-lock.ts'
import { requireGo, runGo } from './go.ts'
import { format, isAlive, ownIdentity, parse } from './identity.ts'
import { kubernetesModule, PACKAGES } from './module.ts'
import { showProgress } from './progress.ts'

const BUILDING = '.building-'

/**
 * Builds those of the programs that the cache lacks, once per machine and version, and returns the path of each. Safe
 * to call from several processes at once: one builds, the others wait.
 */
export async function buildMissing(
  names: string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Record<string, string>> {
  const folder = cacheFolder(environment)
  const missing = () => names.filter((name) => !existsSync(join(folder, fileOf(name))))
  if (missing().length > 0) {
    mkdirSync(folder, { recursive: true })
    await withLock(`${folder}.lock`, async () => {
      if (missing().length > 0) await build(missing(), folder, environment)
    })
  }
  return Object.fromEntries(names.map((name) => [name, join(folder, fileOf(name))]))
}

async function build(names: string[], folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  requireGo(environment)
  removeAbandoned(folder)
  const unfinished = mkdtempSync(join(folder, `${BUILDING}${format(ownIdentity())}-`))
  const { version } = kubernetesModule()
  const done = showProgress(
    `building ${names.join(', ')} of Kubernetes ${version}, once: the first time takes about 10 minutes on two cores`,
  )
  try {
    await runGo([...installArguments(), ...names.map(packageOf)], unfinished, environment)
    // Each program appears whole or not at all.
    for (const name of names) renameSync(join(unfinished, fileOf(name)), join(folder, fileOf(name)))
  } finally {
    done()
    rmSync(unfinished, { recursive: true, force: true })
  }
}

function installArguments(): string[] {
  const { version, minor } = kubernetesModule()
  const [gitMajor, gitMinor] = minor.split('.')
  // Without these the programs call themselves v0.0.0, and clients refuse to talk to them.
  const facts = Object.entries({ gitVersion: version, gitMajor, gitMinor })
  const flags = ['-s', '-w', ...facts.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)]
  return ['install', '-trimpath', '-ldflags', flags.join(' ')]
}

/** One folder for each thing that would make other programs: the modules, the flags, the machine. */
function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const { version, texts } = kubernetesModule()
  const hash = createHash('sha256')
  for (const text of [...texts, ...installArguments()]) hash.update(`${text.length}:`).update(text)
  const key = hash.digest('hex').slice(0, 12)
  return join(cacheRoot(environment), `kubernetes-${version}-${process.platform}-${process.arch}-${key}`)
}

/** What a build left that was killed. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.startsWith(BUILDING))) {
    const builder = parse(name.slice(BUILDING.length).split('-').slice(0, 2).join('-'))
    if (!builder || !isAlive(builder)) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function packageOf(name: string): string {
  const path = PACKAGES[name]
  if (path === undefined) throw new Error(`no Go package is known for ${name}`)
  return path
}

/** The Go command names a program after the last part of its package's path that is no version. */
function fileOf(name: string): string {
  return (
    packageOf(name)
      .replace(/\/v\d+$/, '')
      .split('/')
      .pop() ?? name
  )
}
