import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from './tooling/root.ts'

/** What a test needs: nothing, a real API server, a real node as well, or hours. */
export const LEVELS = ['unit', 'api', 'node', 'nightly'] as const
export type Level = (typeof LEVELS)[number]

/** The functions that give a test file a cluster, and the level of what they give. */
const GIVEN_BY = { sharedCluster: 'api', startCluster: 'api', sharedNode: 'node', startNodeCluster: 'node' } as const
export type ClusterFunction = keyof typeof GIVEN_BY

/** The level of a test file, whose path is relative to the repository. */
export function levelOf(file: string): Level {
  if (file.startsWith('test/nightly/')) return 'nightly'
  const given = [...clustersOf(file)].map((name) => GIVEN_BY[name])
  return LEVELS.findLast((level) => given.some((each) => each === level)) ?? 'unit'
}

/** By which of them the file gets a cluster: those that it imports itself, or that what it imports under test/ does. */
export function clustersOf(file: string): ReadonlySet<ClusterFunction> {
  const found = new Set<ClusterFunction>()
  const seen = new Set<string>()
  const walk = (path: string) => {
    if (seen.has(path)) return
    seen.add(path)
    for (const { from, names } of importsOf(path)) {
      for (const name of names) if (isClusterFunction(name)) found.add(name)
      // The cluster's own modules start clusters of every kind, whoever asks them for one.
      if (from.startsWith('test/') && !from.startsWith('test/cluster/')) walk(from)
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

function isClusterFunction(name: string): name is ClusterFunction {
  return Object.hasOwn(GIVEN_BY, name)
}
