import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fingerprint, PRESENT_WRAPPER } from '../../../src/injection/wrapper.ts'
import { earlierScript, earlierWrapper } from '../injection/released/earlier.ts'
import { root } from '../tooling/root.ts'

/** The first line of another version's wrapper. */
export const OTHER_LINE = '# a later version'

/** With the source, all that it takes to make an image of it. */
const BUILT_FROM = [
  ...['.dockerignore', 'Dockerfile', 'LICENSE', 'package-lock.json'],
  ...['package.json', 'tsconfig.build.json', 'tsconfig.json'],
]

export interface AnotherVersion extends Disposable {
  /** Its root folder: what `src` and `package.json` are in, and the Dockerfile. */
  readonly root: string
}

/**
 * A copy of the source whose wrapper is another.
 * @param isReleased whether the copy knows this source's wrapper as one that was once released
 */
export function makeAnotherVersion({ isReleased }: { isReleased: boolean }): AnotherVersion {
  const copy = copySource()
  copy.edit('injection/wrapper.generated.ts', 'export const WRAPPER = [', `\n  ${JSON.stringify(OTHER_LINE)},`)
  const known = `'${fingerprint(PRESENT_WRAPPER)}', `
  if (isReleased) copy.edit('injection/wrapper.ts', 'RELEASED: ReadonlySet<string> = new Set<string>([', known)
  return copy
}

/** A copy of the source that injects what 0.1.0 did. */
export function makeEarlierVersion(): AnotherVersion {
  const copy = copySource()
  const { terminationMessagePath } = earlierWrapper()
  const text = `export const WRAPPER = ${JSON.stringify(earlierScript())}\n`
  writeFileSync(join(copy.root, 'src/injection/wrapper.generated.ts'), text)
  copy.edit('names.ts', 'export const MESSAGE_PATH = ', `${JSON.stringify(terminationMessagePath)} // `)
  return copy
}

interface Copy extends AnotherVersion {
  edit(file: string, after: string, inserted: string): void
}

function copySource(): Copy {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-version-'))
  cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
  for (const file of BUILT_FROM) cpSync(join(root, file), join(folder, file))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { root: folder, edit, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }

  function edit(file: string, after: string, inserted: string): void {
    const path = join(folder, 'src', file)
    const parts = readFileSync(path, 'utf8').split(after)
    assert.equal(parts.length, 2, `${file} holds once: ${after}`)
    writeFileSync(path, parts.join(after + inserted))
  }
}
