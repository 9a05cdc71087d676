import { execFileSync } from 'node:child_process'
import { globSync, lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FoundImage } from '../cluster/images/unpacked.ts'

/** A package as its own package.json says. */
export interface Package {
  readonly name: string
  readonly version: string
  readonly scripts?: Readonly<Record<string, string>>
}

/** Unpacks the layer that the Dockerfile added to its base, and returns the folder. */
export function unpackOwnLayer({ layers }: FoundImage, folder: string): string {
  mkdirSync(folder)
  execFileSync('tar', ['--extract', '--no-same-owner', `--file=${layers.at(-1)}`, `--directory=${folder}`])
  return folder
}

/** The packages of a node_modules folder, those within others too, as sorted `name@version`. */
export function packagesIn(folder: string): Package[] {
  const found = globSync(['**/node_modules/*/package.json', '**/node_modules/@*/*/package.json'], { cwd: folder })
  return found.map((path) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as Package)
}

/** `name@version` of each, sorted, each once. */
export function identities(packages: readonly { name: string; version: string }[]): string[] {
  return [...new Set(packages.map(({ name, version }) => `${name}@${version}`))].sort()
}

/** The production packages of the lock file. */
export function lockedPackages(lockFile: string): { name: string; version: string }[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean }>
  }
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version }]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
    }))
}

/** Bytes of all files below a folder. */
export function bytesIn(folder: string): number {
  const paths = globSync('**', { cwd: folder }).map((path) => lstatSync(join(folder, path)))
  return paths.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
}
