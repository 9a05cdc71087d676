import { Parser } from 'yaml'

/** One document's part of a file, and where that part begins. */
export interface Slice {
  readonly text: string
  readonly offset: number
}

/**
 * Cuts a file into its documents. Joined again, the slices are the file, byte for byte: each keeps its `---`, `...`, comments,
 * directives, byte order mark and line ends. A file of nothing but comments is one slice, an empty file none.
 */
export function split(text: string): Slice[] {
  const starts = documentStarts(text)
  return starts.map((offset, i) => ({ offset, text: text.slice(offset, starts[i + 1] ?? text.length) }))
}

/** What stands between `...` and a document (directives, comments) belongs to that document. */
function documentStarts(text: string): number[] {
  const starts: number[] = []
  let pending: number | undefined = 0
  for (const token of new Parser().parse(text)) {
    if (token.type === 'document') {
      starts.push(pending ?? token.offset)
      pending = undefined
    } else if (token.type === 'doc-end') {
      pending = endOfLine(text, token.offset)
    }
  }
  if (starts.length === 0 && text !== '') starts.push(0)
  return starts
}

function endOfLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset)
  return newline === -1 ? text.length : newline + 1
}
