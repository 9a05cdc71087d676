import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { needPrograms } from '../tooling/debian.ts'

/**
 * Puts this machine's `flock` into a folder, with the libraries that it needs, for containers that mount the folder:
 * busybox as Debian builds it has none.
 * @param mount where the folder is in the container
 * @returns the command by which a shell there calls it
 */
export function lendFlock(folder: string, mount: string): string {
  needPrograms([{ program: 'flock', debianPackage: 'util-linux' }])
  const program = execFileSync('sh', ['-c', 'command -v flock'], { encoding: 'utf8' }).trim()
  const needed = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? []
  const loader = needed.find((file) => basename(file).startsWith('ld-'))
  if (loader === undefined) throw new Error(`no loader among what ${program} needs: ${needed.join(', ')}`)
  mkdirSync(join(folder, 'bin'))
  for (const file of [program, ...needed]) copyFileSync(file, join(folder, 'bin', basename(file)))
  const bin = join(mount, 'bin')
  return `${join(bin, basename(loader))} --library-path ${bin} ${join(bin, 'flock')}`
}
