import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { isObject, type Json, type JsonObject } from '../../src/json.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const OUTPUT_ENDING = '.injected.yaml'

/** A manifest as a user has it, and the file that holds what it becomes. */
export interface Golden {
  readonly name: string
  readonly inputPath: string
  /** May not exist yet. */
  readonly outputPath: string
}

/** All pairs, found by themselves: every `*.yaml` that is not an `*.injected.yaml` is an input. */
export function goldens(): readonly Golden[] {
  const inputs = globSync('*.yaml', { cwd: FOLDER }).filter((file) => !file.endsWith(OUTPUT_ENDING))
  return inputs.toSorted().map((file) => {
    const name = file.slice(0, -'.yaml'.length)
    return { name, inputPath: `${FOLDER}${file}`, outputPath: `${FOLDER}${name}${OUTPUT_ENDING}` }
  })
}

/** Outputs whose input is gone. */
export function orphans(): readonly string[] {
  const known = new Set(goldens().map(({ outputPath }) => outputPath))
  return globSync(`*${OUTPUT_ENDING}`, { cwd: FOLDER })
    .map((file) => `${FOLDER}${file}`)
    .filter((path) => !known.has(path))
}

/** The Deployments of a manifest, out of Lists too, as JSON. */
export function deploymentsOf(path: string): readonly JsonObject[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`${path} is no YAML`, { cause: document.errors[0] })
    // Through text, so that what an alias repeats is not one and the same object.
    return unpack(JSON.parse(JSON.stringify(document.toJS())) as Json)
  })
}

function unpack(value: Json): readonly JsonObject[] {
  if (!isObject(value)) return []
  const { kind, items } = value
  if (kind === 'Deployment') return [value]
  return kind === 'List' && Array.isArray(items) ? (items as readonly Json[]).flatMap(unpack) : []
}
