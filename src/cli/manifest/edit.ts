import { equal, type Json } from '../../json.ts'
import { editNodes } from './edit-nodes.ts'
import { editText } from './edit-text.ts'
import { documentValue, parseYaml, plainJson } from './kubernetes-yaml.ts'
import { ManifestError } from './manifest-error.ts'
import type { ManifestDocument } from './read.ts'
import { renderBlock, renderFlow, type Style, styleOf } from './render.ts'

/**
 * How a document came to its new text:
 *
 *   unchanged  it already had that value
 *   text       only the lines that had to change did
 *   nodes      comments and order stayed, but spacing and quoting may have changed
 *   value      written anew: comments are lost
 */
export type EditWay = 'unchanged' | 'text' | 'nodes' | 'value'

export interface Edited {
  readonly text: string
  readonly way: EditWay
}

/**
 * The text of a document with another value. Every way is checked by reading its result, the next is taken where that differs.
 * @throws ManifestError `not-editable` where none leads to the value
 */
export function editDocument(document: Pick<ManifestDocument, 'text' | 'line'>, newValue: Json): Edited {
  const [mark, text] = document.text.startsWith('\uFEFF') ? ['\uFEFF', document.text.slice(1)] : ['', document.text]
  const value = plainJson(newValue)
  if (holds(text, value, false)) return { text: document.text, way: 'unchanged' }
  const json = isJson(text)
  const style = styleOf(parseYaml(text).contents, text, json)
  const ways: [EditWay, () => string][] = [
    ['text', () => editText(text, value, json)],
    ['nodes', () => editNodes(text, value, style)],
    ['value', () => writeAnew(text, value, style)],
  ]
  let cause: unknown
  for (const [way, run] of json ? ways.filter(([way]) => way !== 'nodes') : ways) {
    try {
      const result = run()
      if (holds(result, value, json)) return { text: mark + result, way }
    } catch (error) {
      // A layout that this way can't deal with, or a fault in it: the next one is coarser and safer.
      cause = error
    }
  }
  const hint = 'Change this document by hand, or write it in a simpler way.'
  throw new ManifestError('not-editable', 'a document that can’t be changed', {
    line: document.line,
    column: 1,
    hint,
    cause,
  })
}

/** Whether the text is one document with this value, and JSON where it must be. */
function holds(text: string, value: Json, json: boolean): boolean {
  const yaml = parseYaml(text)
  if (yaml.errors.length > 0 || !equal(documentValue(yaml), value)) return false
  return !json || isJson(text)
}

function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function writeAnew(text: string, value: Json, style: Style): string {
  // A mark with content in its line is not kept: the content is what we write anew.
  const start = /^---[ \t]*(?:#[^\n]*)?\n/m.exec(text.replaceAll('\r\n', '\n'))
  const lead = start ? start.input.slice(0, start.index + start[0].length) : ''
  const end = /^\.\.\.[^\n]*\n?\s*$/m.exec(text)?.[0] ?? ''
  const body = style.flow.json ? renderFlow(value, style.flow, '') : renderBlock(value, style.block).join('\n')
  const result = `${lead}${body}\n${end.replaceAll('\r\n', '\n')}`.replaceAll('\n', style.lineBreak)
  return text.endsWith('\n') ? result : result.slice(0, -style.lineBreak.length)
}

/**
 * Joins documents to the text of a file. Each brings its own separators and line ends, so unchanged documents give the very
 * bytes they were read from.
 */
export function writeManifest(documents: readonly { readonly text: string }[]): string {
  return documents.map(({ text }) => text).join('')
}
