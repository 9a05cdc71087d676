/** Where the line of this offset begins. */
export function lineStart(source: string, offset: number): number {
  return source.lastIndexOf('\n', offset - 1) + 1
}

/** Where the line that ends at or after this offset ends, its line end included. An offset after a line end stays. */
export function lineEnd(source: string, offset: number): number {
  if (offset > 0 && source[offset - 1] === '\n') return offset
  const newline = source.indexOf('\n', offset)
  return newline === -1 ? source.length : newline + 1
}

/** Whether only white space stands before this offset in its line. */
export function firstInLine(source: string, offset: number): boolean {
  return source.slice(lineStart(source, offset), offset).trim() === ''
}

/** The white space that the line of this offset begins with. */
export function indentation(source: string, offset: number): string {
  const start = lineStart(source, offset)
  return /^[ \t]*/.exec(source.slice(start, lineEnd(source, start + 1)))?.[0] ?? ''
}

/**
 * Where a new row goes after one that ends at `end`: past the comments that are indented like it or deeper, for they belong to
 * what is above. A comment in the column of the next content belongs to that and stays with it.
 */
export function insertionPoint(source: string, end: number, column: number): number {
  let point = lineEnd(source, end)
  const next = nextContentColumn(source, point)
  for (const line of linesFrom(source, point)) {
    if (line.text === '') continue
    if (!line.text.startsWith('#') || line.column < column || line.column <= next) break
    point = line.end
  }
  return point
}

/** The first line of the comments directly above this offset's line, or that line itself. */
export function commentsAbove(source: string, offset: number): number {
  let start = lineStart(source, offset)
  while (start > 0) {
    const above = lineStart(source, start - 1)
    if (!source.slice(above, start).trimStart().startsWith('#')) break
    start = above
  }
  return start
}

/** -1 at the end of the text. */
function nextContentColumn(source: string, from: number): number {
  for (const { text, column } of linesFrom(source, from)) {
    if (text !== '' && !text.startsWith('#')) return column
  }
  return -1
}

function* linesFrom(source: string, from: number): Generator<{ text: string; column: number; end: number }> {
  for (let start = from; start < source.length; ) {
    const end = lineEnd(source, start + 1)
    const line = source.slice(start, end)
    const text = line.trim()
    yield { text, column: line.length - line.trimStart().length, end }
    start = end
  }
}
