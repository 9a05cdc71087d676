import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter } from 'node:path'

/** A program that a test needs, and the Debian package that has it. */
interface Needed {
  /** A name that is looked for in PATH, or an absolute path. */
  readonly program: string
  readonly debianPackage: string
}

/**
 * Makes sure that programs are there: installs their Debian packages where that is possible (root on a Debian), else
 * says what is missing.
 * @throws Error that names what to install
 */
export function needPrograms(needed: readonly Needed[], environment: NodeJS.ProcessEnv = process.env): void {
  const missing = needed.filter(({ program }) => !isInstalled(program, environment))
  if (missing.length === 0) return
  const packages = missing.map(({ debianPackage }) => debianPackage)
  if (canInstall(environment)) {
    process.stderr.write(`Installing ${packages.join(', ')} …\n`)
    apt(['update', '-qq'])
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages])
  }
  const still = missing.filter(({ program }) => !isInstalled(program, environment)).map(({ program }) => program)
  if (still.length > 0)
    throw new Error(
      `missing: ${still.join(', ')}. Install ${packages.join(', ')} (Debian's names; as root this is done for you)`,
    )
}

/** Why tests that need the program are skipped; undefined where it is there. Throws where MIGRATE_IO_REQUIRE allows no skip. */
export function missingProgram({ program, debianPackage }: Needed): string | undefined {
  if (isInstalled(program, process.env)) return undefined
  const why = `${program} is missing: install ${debianPackage}`
  if (process.env['MIGRATE_IO_REQUIRE']) throw new Error(why)
  return why
}

/** As root on a Debian. */
export function canInstall(environment: NodeJS.ProcessEnv = process.env): boolean {
  return process.getuid?.() === 0 && isInstalled('apt-get', environment)
}

/** @param program a name that is looked for in PATH, or an absolute path */
export function isInstalled(program: string, environment: NodeJS.ProcessEnv): boolean {
  const folders = program.startsWith('/') ? [''] : (environment['PATH'] ?? '').split(delimiter)
  return folders.some((folder) => {
    try {
      accessSync(folder === '' ? program : `${folder}/${program}`, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function apt(args: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Another one may be at work, such as the one that a machine starts by itself.
  spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=300', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment,
  })
}
