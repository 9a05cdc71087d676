import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LEVELS, type Level, levelOf } from '../support/runner/level.ts'
import { root } from '../support/tooling/root.ts'

/** A text that occurs exactly once in a file of the repository, and what stands in its place. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** Edits that break the program, and what must notice. */
export type Mutation = {
  readonly name: string
  /** Of docs/requirements.md: a test of each must fail. */
  readonly ids: readonly string[]
  /** The files in which it shows. */
  readonly tests: readonly string[]
  /** How the title of the one test of the ids begins, where the others would only take time; else any test of the ids. */
  readonly title?: string
} & (Edit | { readonly edits: readonly Edit[] })

/** The level of what must notice: that of the highest of its tests. */
export function mutationLevel({ tests }: Mutation): Level {
  const levels = tests.map(levelOf)
  return LEVELS.findLast((level) => levels.includes(level)) ?? 'unit'
}

/** Why the mutation no longer breaks what it means to; empty where all of it fits. */
export function misfits(mutation: Mutation, folder = root): readonly string[] {
  const missing = mutation.tests.filter((file) => !existsSync(join(folder, file)))
  return [...edit(mutation, folder).misfits, ...missing.map((file) => `${file} is not there`)]
}

/** Makes the edits. Where one of them does not fit, it throws and changes nothing. */
export function apply(mutation: Mutation, folder: string): void {
  const { texts, misfits } = edit(mutation, folder)
  if (misfits.length > 0) throw new Error(`${mutation.name}: ${misfits.join('; ')}`)
  for (const [file, text] of texts) writeFileSync(join(folder, file), text)
}

/** The files as they are after all edits, made in their order, and what is wrong with those that don't fit. */
function edit(mutation: Mutation, folder: string) {
  const texts = new Map<string, string>()
  const misfits: string[] = []
  for (const { file, find, replace } of 'edits' in mutation ? mutation.edits : [mutation]) {
    const path = join(folder, file)
    if (!existsSync(path)) {
      misfits.push(`${file} is not there`)
      continue
    }
    const parts = (texts.get(file) ?? readFileSync(path, 'utf8')).split(find)
    if (parts.length === 2) texts.set(file, parts.join(replace))
    else misfits.push(`found ${parts.length - 1} times in ${file}: ${find}`)
  }
  return { texts, misfits }
}
