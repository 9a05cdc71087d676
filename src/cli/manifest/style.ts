import type { CST, ParsedNode } from 'yaml'
import { isFlowCollection, rowsOf } from './layout.ts'
import { firstInLine, indentation, lineStart } from './lines.ts'
import type { BlockStyle } from './render-block.ts'
import type { FlowStyle } from './render-flow.ts'

/** How a document is written, taken from what it already holds. */
export interface Style {
  readonly block: BlockStyle
  readonly flow: FlowStyle
  readonly lineBreak: string
}

const DEFAULT_STEP = 2

/** @param json whether the text is JSON and must stay so */
export function styleOf(root: ParsedNode | null, source: string, json: boolean): Style {
  return { block: blockStyleOf(root, source), flow: flowStyleOf(root, source, json), lineBreak: lineBreakOf(source) }
}

function lineBreakOf(source: string): string {
  const newline = source.indexOf('\n')
  return newline > 0 && source[newline - 1] === '\r' ? '\r\n' : '\n'
}

/** From the first map and the first list under a key; without any, as kubectl writes: two spaces, `- ` under its key. */
function blockStyleOf(root: ParsedNode | null, source: string): BlockStyle {
  const column = (token: CST.Token) => token.offset - lineStart(source, token.offset)
  let step: number | undefined
  let indentSequences: boolean | undefined
  for (const { key, value } of root?.srcToken ? blockRows(root.srcToken) : []) {
    if (step !== undefined && indentSequences !== undefined) break
    if (!key || !value || !firstInLine(source, value.offset)) continue
    if (value.type === 'block-map') step ??= column(value) - column(key)
    if (value.type === 'block-seq') indentSequences ??= column(value) > column(key)
  }
  return { step: Math.max(step ?? DEFAULT_STEP, 1), indentSequences: indentSequences ?? false }
}

function* blockRows(token: CST.Token): Generator<CST.CollectionItem> {
  if (token.type !== 'block-map' && token.type !== 'block-seq') return
  for (const item of token.items) {
    yield item
    if (item.value) yield* blockRows(item.value)
  }
}

function flowStyleOf(root: ParsedNode | null, source: string, json: boolean): FlowStyle {
  const [row] = isFlowCollection(root) ? rowsOf(root, source) : []
  if (!row) return { json, spaced: true, step: undefined }
  const spaced = !json || source[row.slot.head] === ' '
  if (!firstInLine(source, row.start)) return { json, spaced, step: undefined }
  const outer = indentation(source, root?.range[0] ?? 0)
  return { json, spaced: true, step: indentation(source, row.start).slice(outer.length) }
}
