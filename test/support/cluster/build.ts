import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheRoot } from './cache.ts'
import { withLock } from './file-lock.ts'
import { findGo, runGo } from './go.ts'
import { format, isAlive, ownIdentity, parse } from './identity.ts'
import type { GoModule } from './module.ts'
import { showProgress } from './progress.ts'

const BUILDING = '.building-'
/** A line that `go install -v` writes before it compiles a package; a download is told in more words. */
const PACKAGE = /^[\w./-]+$/

/**
 * Builds those of the module's programs that the cache lacks, once per machine and version, and returns the path of
 * each. Safe to call from several processes at once: one builds, the others wait.
 */
export async function buildMissing<Name extends string>(
  module: GoModule,
  names: readonly Name[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Record<Name, string>> {
  const folder = cacheFolder(module, environment)
  const missing = () => names.filter((name) => !existsSync(join(folder, fileOf(module, name))))
  if (missing().length > 0) {
    mkdirSync(folder, { recursive: true })
    await withLock(`${folder}.lock`, async () => {
      if (missing().length > 0) await build(module, missing(), folder, environment)
    })
  }
  return Object.fromEntries(names.map((name) => [name, join(folder, fileOf(module, name))])) as Record<Name, string>
}

async function build(
  module: GoModule,
  names: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const go = await findGo(module.folder, environment)
  removeAbandoned(folder)
  const unfinished = mkdtempSync(join(folder, `${BUILDING}${format(ownIdentity())}-`))
  const packages = names.map((name) => packageOf(module, name))
  let compiled = 0
  let total: number | undefined
  const share = () => (total === undefined ? undefined : compiled / Math.max(total, compiled, 1))
  const done = showProgress(`building ${names.join(', ')} ${module.about}`, { share })
  try {
    // Only for what is shown: what is wrong with the modules, the build says too.
    total = await packagesToCompile(go, module, packages, environment).catch(() => undefined)
    const onLine = (line: string) => {
      if (PACKAGE.test(line)) compiled++
    }
    const [command, ...flags] = module.installArguments
    await runGo(go, module.folder, [command, '-v', ...flags, ...packages], { GOBIN: unfinished, environment, onLine })
    // Each program appears whole or not at all.
    for (const name of names) renameSync(join(unfinished, fileOf(module, name)), join(folder, fileOf(module, name)))
  } finally {
    done()
    rmSync(unfinished, { recursive: true, force: true })
  }
}

/** How many packages are not in Go's own cache: those that `go install -v` names. Fetches the modules, which it needs too. */
async function packagesToCompile(
  go: string,
  { folder, installArguments }: GoModule,
  packages: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const [, ...flags] = installArguments
  const format = '{{if .Stale}}{{.ImportPath}}{{end}}'
  const listed = await runGo(go, folder, ['list', '-deps', '-f', format, ...flags, ...packages], { environment })
  return listed.split('\n').filter((line) => line !== '').length
}

/** One folder for each thing that would make other programs: the modules, the flags, the machine. */
function cacheFolder({ name, texts, installArguments }: GoModule, environment: NodeJS.ProcessEnv): string {
  const hash = createHash('sha256')
  for (const text of [...texts, ...installArguments]) hash.update(`${text.length}:`).update(text)
  const key = hash.digest('hex').slice(0, 12)
  return join(cacheRoot(environment), `${name}-${process.platform}-${process.arch}-${key}`)
}

/** What a build left that was killed. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder).filter((each) => each.startsWith(BUILDING))) {
    const builder = parse(name.slice(BUILDING.length).split('-').slice(0, 2).join('-'))
    if (!builder || !isAlive(builder)) rmSync(join(folder, name), { recursive: true, force: true })
  }
}

function packageOf({ packages, folder }: GoModule, name: string): string {
  const path = packages[name]
  if (path === undefined) throw new Error(`no Go package is known for ${name}: see ${folder}/go.mod`)
  return path
}

/** The Go command names a program after the last part of its package's path that is no version. */
function fileOf(module: GoModule, name: string): string {
  return (
    packageOf(module, name)
      .replace(/\/v\d+$/, '')
      .split('/')
      .pop() ?? name
  )
}
