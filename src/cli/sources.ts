import { fstatSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

const EXTENSIONS = /\.(ya?ml|json)$/
/** Opening these anew fails where standard input is a socket, as a program that starts this one may make it. */
const STANDARD_INPUT = /^(-|\/dev\/stdin|\/dev\/fd\/0|\/proc\/self\/fd\/0)$/

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder; check the name',
  EACCES: 'this user may not read it; check its permissions',
  EISDIR: 'it is a folder',
}

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

/**
 * Reads what `-f` names: files, folders with all manifests below them, `-` for standard input.
 * @throws SourceError for the first that can't be read
 */
export async function readSources(names: readonly string[]): Promise<readonly Source[]> {
  if (names.filter((name) => STANDARD_INPUT.test(name)).length > 1)
    throw new SourceError('standard input: it can be read only once, but -f names it more than once')
  const sources: Source[] = []
  for (const name of names) sources.push(...(STANDARD_INPUT.test(name) ? [await readInput()] : await readPath(name)))
  return sources
}

/**
 * All of standard input, whatever it is and whenever it comes. By the stream and not by reading descriptor 0, which ends with
 * EAGAIN where a writer is late: `import … from 'node:process'`, as commander has it, opens that stream, and so sets a pipe
 * to return at once (O_NONBLOCK).
 */
async function readInput(): Promise<Source> {
  const name = 'standard input'
  if (process.stdin.isTTY) process.stderr.write('reading manifests from the terminal, up to Ctrl+D\n')
  const chunks = await attempt(name, async () => {
    // Node.js would take a folder for an empty input.
    if (fstatSync(0).isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' })
    return Array.fromAsync<Buffer>(process.stdin)
  })
  return { name, text: decoded(Buffer.concat(chunks), name) }
}

async function readPath(path: string): Promise<readonly Source[]> {
  const found = await attempt(path, () => stat(path))
  if (!found.isDirectory()) return [await readOne(path)]
  const files = (await attempt(path, () => readdir(path, { recursive: true, withFileTypes: true })))
    .filter((entry) => entry.isFile() && EXTENSIONS.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  if (files.length === 0) throw new SourceError(`${path}: the folder has no .yaml, .yml or .json file in it`)
  return Array.fromAsync(files, readOne)
}

async function readOne(file: string): Promise<Source> {
  return { name: file, text: decoded(await attempt(file, () => readFile(file)), file) }
}

function decoded(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new SourceError(`${name}: this is not UTF-8 text; save it as UTF-8`, { cause })
  }
}

async function attempt<T>(name: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new SourceError(`${name}: ${SENTENCES[code ?? ''] ?? message}`, { cause })
  }
}
