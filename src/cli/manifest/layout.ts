import { type CST, isAlias, isCollection, isMap, isNode, isScalar, isSeq, type ParsedNode, Scalar } from 'yaml'

/** The place of a value in the text: after a `:`, after a `-`, between commas, or the whole document. */
export interface Slot {
  readonly node: ParsedNode | null
  readonly kind: 'pair' | 'item' | 'flow' | 'root'
  /** Just after the `:` or `-`. */
  readonly head: number
  /** Where the value begins, its anchor and tag included; `head` where there is none. */
  readonly start: number
  /** Where the anchor and tag end. */
  readonly propsEnd: number
  /** Where its text ends: no comment, no blank lines, no line end. */
  readonly end: number
  /** A flow pair without `:`. */
  readonly bare: boolean
  /** The column of the key or `-` that holds it. */
  readonly column: number
}

/** A pair of a map or an item of a sequence. */
export interface Row {
  /** Undefined for an item, and for `<<`. */
  readonly key: string | undefined
  readonly merge: boolean
  /** Of the key or the `-`. */
  readonly start: number
  readonly slot: Slot
}

type Collection = Extract<ParsedNode, { items: unknown[] }>

type Token = CST.SourceToken

interface Source {
  readonly item: CST.CollectionItem
  readonly source: string
  readonly flow: boolean
}

/** The rows of a map or sequence, in order of the text. @throws NotTextual for layouts that we don't edit as text */
export function rowsOf(collection: Collection, source: string): Row[] {
  const tokens = rowTokens(collection)
  return tokens.map((item, i) => rowAt(collection, i, { item, source }))
}

function rowTokens(collection: Collection): CST.CollectionItem[] {
  const tokens: CST.CollectionItem[] = collection.srcToken?.items.filter(isRow) ?? []
  if (tokens.length !== collection.items.length) throw new NotTextual('rows and tokens differ')
  return tokens
}

function rowAt(collection: Collection, index: number, { item, source }: Omit<Source, 'flow'>): Row {
  if (item.start.some(({ type }) => type === 'explicit-key-ind')) throw new NotTextual('an explicit key')
  const from = { item, source, flow: isFlowCollection(collection) }
  return isMap(collection) ? pairRow(collection, index, from) : itemRow(collection, index, from)
}

function pairRow(map: Collection, index: number, { item, source, flow }: Source): Row {
  const pair = map.items[index]
  if (!pair || isNode(pair)) throw new NotTextual('a map of something else than pairs')
  const { key, value } = pair
  if (!isScalar(key)) throw new NotTextual('a key that is no scalar')
  const start = item.start.find(isProp)?.offset ?? key.range[0]
  const colon = item.sep?.find(({ type }) => type === 'map-value-ind')
  const head = colon ? colon.offset + 1 : key.range[1]
  const props = (item.sep ?? []).filter(isProp)
  const merge = typeof key.value === 'symbol'
  const column = start - lineStart(source, start)
  const kind = flow ? 'flow' : 'pair'
  const slot = { kind, head, bare: !colon, column, ...extent(value, { props, head, source }) } as const
  return { key: merge ? undefined : key.value === null ? '' : String(key.value), merge, start, slot }
}

function itemRow(sequence: Collection, index: number, { item, source, flow }: Source): Row {
  const node = sequence.items[index]
  if (!isNode(node) || item.sep) throw new NotTextual('a pair in a sequence')
  const dash = item.start.find(({ type }) => type === 'seq-item-ind')
  const props = item.start.filter(isProp)
  const head = dash ? dash.offset + 1 : (props[0]?.offset ?? node.range[0])
  const start = dash ? dash.offset : head
  const column = start - lineStart(source, start)
  const slot = {
    kind: flow ? 'flow' : 'item',
    head,
    bare: false,
    column,
    ...extent(node, { props, head, source }),
  } as const
  return { key: undefined, merge: false, start, slot }
}

/** The whole document as a slot. */
export function rootSlot(node: ParsedNode | null, source: string): Slot {
  const head = node?.range[0] ?? 0
  return { kind: 'root', head, bare: false, column: 0, ...extent(node, { props: [], head, source }) }
}

function extent(node: ParsedNode | null, at: { props: Token[]; head: number; source: string }) {
  const last = at.props.at(-1)
  const propsEnd = last ? last.offset + last.source.length : at.head
  const empty = !node || (isScalar(node) && node.range[1] === node.range[0])
  if (empty) return { node, start: at.props[0]?.offset ?? at.head, propsEnd, end: propsEnd }
  return { node, start: at.props[0]?.offset ?? node.range[0], propsEnd, end: contentEnd(node, at.source) }
}

function contentEnd(node: ParsedNode, source: string): number {
  if (isBlockScalar(node)) return blockScalarEnd(node, source)
  if (isAlias(node) || !isBlockCollection(node)) return node.range[1]
  const tokens = rowTokens(node)
  const item = tokens.at(-1)
  return item ? rowAt(node, tokens.length - 1, { item, source }).slot.end : node.range[1]
}

/** Blank lines after a block scalar are not its own, unless it keeps them (`|+`). */
function blockScalarEnd(node: ParsedNode, source: string): number {
  const text = source.slice(node.range[0], node.range[1])
  return /^[|>][0-9]?\+/.test(text) ? node.range[1] : node.range[0] + text.trimEnd().length
}

export function isBlockScalar(node: ParsedNode | null): boolean {
  return isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED)
}

/** A map or sequence written with lines and indentation. */
export function isBlockCollection(node: ParsedNode | null): node is Collection {
  return isCollection(node) && (isMap(node) || isSeq(node)) && node.srcToken?.type !== 'flow-collection'
}

export function isFlowCollection(node: ParsedNode | null): node is Collection {
  return isCollection(node) && node.srcToken?.type === 'flow-collection'
}

/** The token list also has entries for comments after the last row. */
function isRow(item: CST.CollectionItem): boolean {
  const dash = item.start.some(({ type }) => type === 'seq-item-ind' || type === 'anchor' || type === 'tag')
  return dash || item.key != null || item.sep !== undefined || item.value !== undefined
}

function isProp({ type }: Token): boolean {
  return type === 'anchor' || type === 'tag'
}

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

/** Replaces source[start, end) by text, whose line ends are `\n`. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Applies splices that don't overlap. Of several insertions at one place the one that was made first comes first: inner rows
 * before the rows of the collection around them.
 */
export function applySplices(source: string, splices: readonly Splice[], lineBreak: string): string {
  const sorted = splices.toSorted((a, b) => a.start - b.start || a.end - b.end)
  let result = ''
  let at = 0
  for (const { start, end, text } of sorted) {
    result += source.slice(at, start) + text.replaceAll('\n', lineBreak)
    at = Math.max(at, end)
  }
  return result + source.slice(at)
}

/** This change can't be made by editing the text; another way must be taken. Never leaves this folder. */
export class NotTextual extends Error {
  override readonly name = 'NotTextual'
  readonly code = 'not-textual'
}
