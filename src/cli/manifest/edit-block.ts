import type { Json } from '../../json.ts'
import type { Editing, Rows } from './edit-slot.ts'
import type { Row } from './layout.ts'
import { commentsAbove, firstInLine, insertionPoint, lineEnd, lineStart } from './lines.ts'
import { NotTextual } from './not-textual.ts'
import type { Plan } from './plan.ts'
import { renderBlock } from './render-block.ts'

/** Takes out and puts in the rows of a block map or sequence; each is one or more whole lines. */
export function changeBlockRows(editing: Editing, { rows, map }: Rows, { remove, add }: Plan): void {
  for (const row of remove) removeRow(editing, rows, { row, removed: remove })
  const column = rows[0]?.slot.column ?? 0
  for (const { after, key, value } of add) {
    const lines = renderRow(editing, map ? { [key]: value } : [value], column)
    const above = rows[after]
    if (above) {
      insert(editing, insertionPoint(editing.source, above.slot.end, column), `${lines.join('\n')}\n`)
    } else {
      insertFirst(editing, rows, lines)
    }
  }
}

function renderRow(editing: Editing, value: Json, column: number): string[] {
  return indentLines(renderBlock(value, editing.style.block), column)
}

/** Empty lines stay empty. */
export function indentLines(lines: readonly string[], column: number): string[] {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(column) + line))
}

function insert(editing: Editing, at: number, text: string): void {
  editing.splices.push({ start: at, end: at, text })
}

/** Above the first row and above the comments that belong to it. */
function insertFirst(editing: Editing, rows: readonly Row[], lines: readonly string[]): void {
  const [first] = rows
  if (!first) throw new NotTextual('a block collection without rows')
  if (firstInLine(editing.source, first.start)) {
    insert(editing, commentsAbove(editing.source, first.start), `${lines.join('\n')}\n`)
  } else {
    const indent = ' '.repeat(first.slot.column)
    insert(editing, first.start, `${lines.join('\n').slice(indent.length)}\n${indent}`)
  }
}

/** The comment above a row stays: it may be about more than this row. Comments inside it and behind it go. */
function removeRow(
  editing: Editing,
  rows: readonly Row[],
  { row, removed }: { row: number; removed: readonly number[] },
) {
  const { source } = editing
  const gone = rows[row]
  if (!gone) return
  if (firstInLine(source, gone.start)) {
    editing.splices.push({ start: lineStart(source, gone.start), end: lineEnd(source, gone.slot.end), text: '' })
    return
  }
  // The first key of an item stands behind its `- `: the first key that stays moves up there.
  const next = rows.find((_, i) => i > row && !removed.includes(i))
  if (!next) throw new NotTextual('no row left to move up')
  const below = lineEnd(source, gone.slot.end)
  if (source.slice(below, next.start).trim() === '') {
    editing.splices.push({ start: gone.start, end: next.start, text: '' })
  } else {
    // A comment stands between: it stays, and the dash alone in its line.
    const dash = source.slice(0, gone.start).trimEnd().length
    editing.splices.push({ start: dash, end: source.slice(0, below).trimEnd().length, text: '' })
  }
}
