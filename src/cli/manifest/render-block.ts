import { Document, isScalar, Scalar, visit } from 'yaml'
import type { Json } from '../../json.ts'
import { COMPATIBLE_YAML } from './kubernetes-yaml.ts'

/** How a manifest's author writes block style. */
export interface BlockStyle {
  /** Spaces per level. */
  readonly step: number
  /** Whether `- ` is indented under its key. */
  readonly indentSequences: boolean
}

export type ScalarType = Scalar.Type

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

// What a YAML 1.1 reader takes for a line break or refuses, and what the yaml package would leave as it is.
const UNPRINTABLE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]/u
const UNESCAPED = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g

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
export function escapeUnprintable(text: string): string {
  return text.replace(UNESCAPED, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** How the node's string is quoted, to quote its successor alike. */
export function scalarTypeOf(node: unknown): ScalarType | undefined {
  return isScalar(node) ? (node.type as ScalarType | undefined) : undefined
}
