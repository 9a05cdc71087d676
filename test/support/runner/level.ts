import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from '../tooling/root.ts'

/** What a test needs: Node.js and a shell; the programs of a real API server; a machine that can have nodes; hours. */
export const LEVELS = ['unit', 'api', 'node', 'nightly'] as const
export type Level = (typeof LEVELS)[number]

/** The level of a test file, whose path is relative to the repository: the folder under test/ that it is in. */
export function levelOf(file: string): Level {
  const folder = file.split('/')[1]
  const level = LEVELS.find((each) => each === folder)
  if (level === undefined) throw new Error(`${file} is in none of the folders test/{${LEVELS.join(',')}}`)
  return level
}

/** The functions that bring a test file what its level must allow. */
const NEEDS = {
  sharedCluster: 'api',
  ownCluster: 'api',
  startCluster: 'api',
  findTool: 'api',
  sharedNode: 'node',
  startNodeCluster: 'node',
  makeStage: 'node',
  sharedStage: 'node',
} as const satisfies Record<string, Level>
export type Needed = keyof typeof NEEDS

/** The lowest level that has all of what the file needs. */
export function neededLevel(file: string): Level {
  const needs = [...neededBy(file)].map((name) => NEEDS[name])
  return LEVELS.findLast((level) => needs.some((each) => each === level)) ?? 'unit'
}

/** Which of those functions the file imports itself, or what it imports under test/ does. */
export function neededBy(file: string): ReadonlySet<Needed> {
  const found = new Set<Needed>()
  const seen = new Set<string>()
  const walk = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { from, names } of importsOf(path)) {
      for (const name of names) if (isNeeded(name)) found.add(name)
      // The cluster's own modules start clusters of every kind, whoever asks them for one.
      if (from.startsWith('test/') && !from.startsWith('test/support/cluster/')) walk(from)
    }
  }
  walk(file)
  return found
}

interface Import {
  /** Relative to the repository. */
  readonly from: string
  readonly names: readonly string[]
}

const known = new Map<string, readonly Import[]>()
const IMPORT = /^(?:import|export) (?!type )([^'";]*?) from '(\.[^']+\.ts)'/gm

/** What a module imports of this repository, types aside. */
function importsOf(path: string): readonly Import[] {
  const before = known.get(path)
  if (before) return before
  const text = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : ''
  const imports = [...text.matchAll(IMPORT)].flatMap(([, what = '', from = '']) => {
    const parts = what.replace(/[{}]/g, '').split(',')
    const names = parts.map((part) => part.trim()).filter((name) => name !== '' && !name.startsWith('type '))
    return names.length === 0 ? [] : [{ from: normalize(join(dirname(path), from)), names }]
  })
  known.set(path, imports)
  return imports
}

function isNeeded(name: string): name is Needed {
  return Object.hasOwn(NEEDS, name)
}
