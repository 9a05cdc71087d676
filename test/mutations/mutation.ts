import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { root } from '../tooling/root.ts'

const FOLDER = 'test/mutations'

/** A patch that breaks the program, and what must notice. */
export interface Mutation {
  readonly name: string
  /** Of ACCEPTANCE.md: a test of it must fail. */
  readonly id: string
  /** The file. */
  readonly patch: string
  readonly tests: readonly string[]
  /** What follows the id in the name of the one test that must fail; undefined: any test of the id. */
  readonly title: string | undefined
  /** Its tests need a node. */
  readonly isOnNode: boolean
}

/**
 * All of them. The lines before a diff say what is broken, `Tests:` in which files it shows, and `Title:` how the title
 * of the one test begins, where the others would only take time.
 */
export function readMutations(): readonly Mutation[] {
  return globSync(`${FOLDER}/**/*.patch`, { cwd: root }).toSorted().map(readMutation)
}

function readMutation(path: string): Mutation {
  const name = basename(path, '.patch')
  const head = readFileSync(join(root, path), 'utf8').split('\ndiff ')[0] ?? ''
  const line = (key: string) => new RegExp(`^${key}: (.+)$`, 'm').exec(head)?.[1]
  const tests = line('Tests')?.split(' ')
  const [id = ''] = name.split('-')
  if (tests === undefined) throw new Error(`${path}: a line "Tests: FILE..." before the diff must name the tests`)
  const isOnNode = path.startsWith(`${FOLDER}/node/`)
  return { name, id, patch: join(root, path), tests, title: line('Title'), isOnNode }
}

/** Whether the patch fits the tree as it is. */
export function applies(mutation: Mutation): boolean {
  return apply(mutation, root, '--dry-run')
}

/**
 * Applies the patch where it says and nowhere else: with any fuzz it could break another line than it means.
 * @returns whether all of it fits
 */
export function apply({ patch }: Mutation, folder: string, ...options: string[]): boolean {
  const how = ['-p1', '--fuzz=0', '--force', '--no-backup-if-mismatch', ...options]
  return spawnSync('patch', [...how, '-i', patch], { cwd: folder }).status === 0
}
