import { type CST, Document, isScalar, type ParsedNode, Scalar, visit } from 'yaml'
import type { Json } from '../../json.ts'
import { COMPATIBLE_YAML } from './kubernetes-yaml.ts'
import { firstInLine, indentation, isFlowCollection, lineStart, rowsOf } from './layout.ts'

const DEFAULT_STEP = 2
// What a YAML 1.1 reader takes for a line break or refuses, and what the yaml package would leave as it is.
const UNPRINTABLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]/u
const UNESCAPED = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g
/** Words that are no strings in YAML 1.1, 1.2 or Kubernetes. */
const NOT_STRINGS = /^(?:y|n|yes|no|on|off|true|false|null)$/i
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*$/

/** How a document is written, taken from what it already holds. */
export interface Style {
  readonly block: BlockStyle
  readonly flow: FlowStyle
  readonly lineBreak: string
}

/** How a manifest's author writes block style. */
interface BlockStyle {
  /** Spaces per level. */
  readonly step: number
  /** Whether `- ` is indented under its key. */
  readonly indentSequences: boolean
}

/** How a flow collection (`{a: [1]}`) or JSON is written. */
interface FlowStyle {
  readonly json: boolean
  /** Whether a space follows `:` and `,`; YAML needs it, JSON not. */
  readonly spaced: boolean
  /** The indentation of one level where each item has a line of its own. */
  readonly step: string | undefined
}

type ScalarType = Scalar.Type

/**
 * A value in block style, one string a line, not indented. Multi-line strings become literal blocks where they are readable so.
 * Reads the same in YAML 1.1, 1.2 and in Kubernetes.
 * @param stringType how a value that is a string was quoted before
 */
export function renderBlock(value: Json, style: BlockStyle, stringType?: ScalarType): string[] {
  const document = blockDocument(value, stringType)
  const text = document.toString({
    indent: style.step,
    indentSeq: style.indentSequences,
    lineWidth: 0,
    blockQuote: 'literal',
    // One line each: no line breaks inside quotes.
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  })
  return escapeUnprintable(text).replace(/\n$/, '').split('\n')
}

/** A tree of nodes for the value, each string with the quoting it needs. */
export function blockDocument(value: Json, stringType?: ScalarType): Document {
  const document = new Document(value, {
    ...COMPATIBLE_YAML,
    customTags: [...COMPATIBLE_YAML.customTags],
    // A key `<<` in a value is text.
    merge: false,
    aliasDuplicateObjects: false,
  })
  visit(document, {
    Scalar(key, node) {
      if (typeof node.value !== 'string') return
      const type = stringTypeFor(node.value, key === 'key')
      if (type) node.type = type
      else if (key !== 'key' && stringType && isQuote(stringType)) node.type = stringType
    },
  })
  return document
}

/** Whether the string is one that we write as a literal block. */
export function isLiteral(text: string): boolean {
  return text.includes('\n') && !UNPRINTABLE.test(text) && !/^[\s]|\n\s*\n$|\n[ \t]+$/.test(text)
}

function stringTypeFor(text: string, isKey: boolean): ScalarType | undefined {
  if (!isKey && isLiteral(text)) return Scalar.BLOCK_LITERAL
  // `=` is a type of its own in YAML 1.1, `<<` a merge key; `---` and `...` are document marks to readers that cut by lines.
  const special = text.includes('\n') || UNPRINTABLE.test(text) || /^(?:=$|<<$|---|\.\.\.)/.test(text)
  return special ? Scalar.QUOTE_DOUBLE : undefined
}

function isQuote(type: ScalarType): boolean {
  return type === Scalar.QUOTE_DOUBLE || type === Scalar.QUOTE_SINGLE
}

/** Such characters only ever stand inside double quotes here. */
function escapeUnprintable(text: string): string {
  return text.replace(UNESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** How the node's string is quoted, to quote its successor alike. */
export function scalarTypeOf(node: unknown): ScalarType | undefined {
  return isScalar(node) ? (node.type as ScalarType | undefined) : undefined
}

/**
 * A value in flow style.
 * @param indent what stands before the line that the value begins in, for the lines that follow
 */
export function renderFlow(value: Json, style: FlowStyle, indent: string): string {
  if (value === null || typeof value !== 'object') return renderScalar(value, style)
  const rows = Array.isArray(value)
    ? value.map((item) => renderFlow(item, style, inner(style, indent)))
    : Object.entries(value).map(([key, item]) => renderFlowPair(key, item, style, inner(style, indent)))
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  if (rows.length === 0) return open + close
  if (style.step === undefined) return open + rows.join(style.spaced ? ', ' : ',') + close
  const separator = `\n${inner(style, indent)}`
  return `${open}${separator}${rows.join(`,${separator}`)}\n${indent}${close}`
}

/** `key: value` as it stands in a flow map. */
export function renderFlowPair(key: string, value: Json, style: FlowStyle, indent: string): string {
  return `${renderScalar(key, style)}:${style.spaced ? ' ' : ''}${renderFlow(value, style, indent)}`
}

function inner(style: FlowStyle, indent: string): string {
  return indent + (style.step ?? '')
}

function renderScalar(value: string | number | boolean | null, style: FlowStyle): string {
  if (typeof value !== 'string' || style.json) return JSON.stringify(value)
  if (PLAIN.test(value) && !NOT_STRINGS.test(value)) return value
  return escapeUnprintable(JSON.stringify(value))
}

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
