import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { cacheRoot } from '../cache.ts'
import { withLock } from '../file-lock.ts'
import { format, isAlive, ownIdentity, parse } from '../identity.ts'

const UNUSED_AFTER_MS = 24 * 60 * 60 * 1000 // longer than any test run that may still read a file it was given

/** A file that is made once per machine and content. */
export interface Recipe {
  /** Names the file, together with a hash of the ingredients. */
  readonly name: string
  /** Everything that decides what is in the file: texts, names, versions, and the code that makes it. */
  readonly ingredients: readonly (string | Uint8Array)[]
  /** Makes the file; `scratch` is an empty folder for whatever that takes. */
  make(file: string, scratch: string): Promise<void>
}

const underway = new Map<string, Promise<void>>()

/** The text of modules of this folder, as an ingredient: what they make changes with it. */
export function codeOf(...modules: readonly string[]): string[] {
  return modules.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
}

/**
 * The path of the file, made first when the cache lacks it. Safe to call from several processes at once: one makes it,
 * the others wait. It appears whole or not at all. Removes what the same name held for a day without being asked for.
 */
export async function cached(recipe: Recipe, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const folder = join(cacheRoot(environment), 'images')
  const file = join(folder, `${recipe.name}-${digest(recipe.ingredients)}.tar`)
  const making = underway.get(file) ?? makeIfMissing(file, recipe).finally(() => underway.delete(file))
  underway.set(file, making)
  await making
  const now = new Date()
  utimesSync(file, now, now)
  return file
}

async function makeIfMissing(file: string, recipe: Recipe): Promise<void> {
  if (existsSync(file)) return
  const folder = dirname(file)
  mkdirSync(folder, { recursive: true })
  await withLock(join(folder, `${recipe.name}.lock`), async () => {
    if (!existsSync(file)) await makeWhole(file, recipe)
    removeUnused(file, recipe.name)
  })
}

async function makeWhole(file: string, { name, make }: Recipe): Promise<void> {
  const folder = dirname(file)
  const unfinished = `.${name}-unfinished-`
  removeAbandoned(folder, unfinished)
  const scratch = mkdtempSync(join(folder, `${unfinished}${format(ownIdentity())}-`))
  try {
    const draft = join(scratch, basename(file))
    const room = join(scratch, 'scratch')
    mkdirSync(room)
    await make(draft, room)
    renameSync(draft, file)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** What a process left that was killed. */
function removeAbandoned(folder: string, prefix: string): void {
  for (const left of entries(folder, prefix)) {
    const maker = parse(basename(left).slice(prefix.length).split('-').slice(0, 2).join('-'))
    if (!maker || !isAlive(maker)) rmSync(left, { recursive: true, force: true })
  }
}

function removeUnused(file: string, name: string): void {
  const others = entries(dirname(file), `${name}-`).filter((each) => each !== file && each.endsWith('.tar'))
  for (const each of others) if (Date.now() - statSync(each).mtimeMs > UNUSED_AFTER_MS) rmSync(each, { force: true })
}

function entries(folder: string, prefix: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name))
}

function digest(ingredients: Recipe['ingredients']): string {
  const hash = createHash('sha256')
  for (const each of ingredients) hash.update(`${each.length}:`).update(each)
  return hash.digest('hex').slice(0, 12)
}
