import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** What a package tool needs in order to install as this machine's own apt does. */
export interface Apt {
  /** Lines as in sources.list: Debian's own package lists, nobody else's. */
  readonly sources: readonly string[]
  /** Settings for the way to the mirrors, such as a proxy, as lines of apt.conf. */
  readonly settings: readonly string[]
  readonly keyring: string
}

/**
 * The code name of this machine's release, such as bookworm.
 * @throws Error where this is no Debian
 */
export function debianRelease(file = '/etc/os-release'): string {
  const { ID: id, VERSION_CODENAME: release } = existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {}
  if (id === 'debian' && release) return release
  throw new Error(`the images with Flask and PostgreSQL are made on a Debian; this is ${id ?? process.platform}`)
}

/** @throws Error if apt knows no package list of the release */
export function machinesApt(release: string): Apt {
  const format = '$(ORIGIN)\t$(CODENAME)\tdeb $(REPO_URI) $(RELEASE) $(COMPONENT)'
  const targets = output('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'])
  const own = targets
    .map((line) => line.split('\t'))
    .filter(([origin, name]) => origin === 'Debian' && (name === release || name?.startsWith(`${release}-`)))
  const sources = [...new Set(own.map(([, , source = '']) => source))]
  if (sources.length === 0) {
    throw new Error(
      `apt knows no package list of Debian ${release}: run apt-get update, and see /etc/apt/sources.list.d`,
    )
  }
  const settings = output('apt-config', ['dump', '--format', '%F "%v";%n', 'Acquire'])
  return {
    sources,
    settings: settings.filter((line) => /^Acquire::https?::/.test(line)),
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  }
}

function output(program: string, args: readonly string[]): string[] {
  return execFileSync(program, args, { encoding: 'utf8' }).split('\n')
}
