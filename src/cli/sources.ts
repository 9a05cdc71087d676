import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A manifest to read: a file, or what comes on standard input. */
export interface Source {
  /** For people. */
  readonly name: string
  readonly text: string
}

/** Why something could not be read; the message names it and says what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
}

const EXTENSIONS = /\.(ya?ml|json)$/

/**
 * Reads what `-f` names: files, folders with all manifests below them, `-` for standard input.
 * @throws SourceError for the first that can't be read
 */
export function readSources(names: readonly string[]): readonly Source[] {
  return names.flatMap((name) =>
    name === '-' ? [{ name: 'standard input', text: read(0, 'standard input') }] : readPath(name),
  )
}

function readPath(path: string): readonly Source[] {
  const found = attempt(path, () => statSync(path))
  if (!found.isDirectory()) return [{ name: path, text: read(path, path) }]
  const files = attempt(path, () => readdirSync(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && EXTENSIONS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  if (files.length === 0) throw new SourceError(`${path}: the folder has no .yaml, .yml or .json file in it`)
  return files.map((file) => ({ name: file, text: read(file, file) }))
}

function read(file: string | number, name: string): string {
  const bytes = attempt(name, () => readFileSync(file))
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new SourceError(`${name}: this is not UTF-8 text; save it as UTF-8`, { cause })
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; check the name',
  EACCES: 'it may not be read by this user; check its permissions',
  EISDIR: 'it is a folder',
}

function attempt<T>(name: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SourceError(`${name}: ${SENTENCES[code ?? ''] ?? message}`, { cause })
  }
}
