import type { YAMLError } from 'yaml'

const EXCERPT_CHARACTERS = 60

/** A manifest that can't be read or written. The message says where, what and what to do, but not which file. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError'
  readonly code: ManifestErrorCode
  readonly position: Position

  constructor(code: ManifestErrorCode, what: string, where: Position & { hint: string; cause?: unknown }) {
    super(`line ${where.line}, column ${where.column}: ${what}. ${where.hint}`, { cause: where.cause })
    this.code = code
    this.position = { line: where.line, column: where.column }
  }
}

type ManifestErrorCode = 'yaml-invalid' | 'yaml-duplicate-key' | 'yaml-tab' | 'yaml-alias' | 'yaml-key' | 'not-editable'

/** Where in a file something was seen; both count from 1. */
interface Position {
  readonly line: number
  readonly column: number
}

/** Puts an error of the yaml package into our words. `text` is the whole file, `offset` an offset into it. */
export function explainYamlError(error: YAMLError, text: string, offset: number): ManifestError {
  const reading = READINGS[error.code] ?? {
    code: 'yaml-invalid' as const,
    what: lowerFirst(error.message),
    hint: 'Check quotes, brackets, colons and indentation here and in the line above.',
  }
  return at(reading, { text, offset, cause: error })
}

/** A key that is no string; in practice nearly always an unrendered Helm template. */
export function collectionAsKey(text: string, offset: number): ManifestError {
  return at(KEY, { text, offset })
}

/** `*name` where no `&name` stands before it. */
export function unknownAlias(text: string, offset: number): ManifestError {
  return at(ALIAS, { text, offset })
}

/** Aliases that expand without end, or a merge key whose value is no map. */
export function unresolvable(cause: unknown, text: string, offset: number): ManifestError {
  const hint = 'Write out the values in place of the aliases.'
  return at({ code: 'yaml-alias', what: 'aliases or merge keys that can’t be resolved', hint }, { text, offset, cause })
}

interface Reading {
  readonly code: ManifestErrorCode
  readonly what: string
  readonly hint: string
}

const TAB: Reading = {
  code: 'yaml-tab',
  what: 'a tab in the indentation',
  hint: 'YAML is indented with spaces only: replace the tab with spaces.',
}

const DUPLICATE: Reading = {
  code: 'yaml-duplicate-key',
  what: 'a key that appears twice in one map',
  hint: 'Remove one of the two, or indent it if it belongs elsewhere.',
}

const ALIAS: Reading = {
  code: 'yaml-alias',
  what: 'an alias (*name) without its anchor (&name)',
  hint: 'An anchor must come earlier in the same document; quote a text that begins with *.',
}

const KEY: Reading = {
  code: 'yaml-key',
  what: 'a map or list used as a key',
  hint: 'Keys of a manifest are strings: quote the text if { or [ belongs to it.',
}

const TEMPLATE = 'This looks like a template: render it first, for example with `helm template`.'

const READINGS: Partial<Record<YAMLError['code'], Reading>> = {
  TAB_AS_INDENT: TAB,
  DUPLICATE_KEY: DUPLICATE,
  BAD_ALIAS: ALIAS,
  BAD_INDENT: {
    code: 'yaml-invalid',
    what: 'an indentation that fits no line above',
    hint: 'Keys of one map start in one column; or a bracket above is not closed.',
  },
  MULTILINE_IMPLICIT_KEY: {
    code: 'yaml-invalid',
    what: 'a key that spans lines',
    hint: 'Perhaps a ":" is missing, a quote is not closed, or the indentation is off.',
  },
  BLOCK_IN_FLOW: {
    code: 'yaml-invalid',
    what: 'a key where a comma or closing bracket is expected',
    hint: 'Put a comma between the values, or close the bracket.',
  },
  BAD_SCALAR_START: {
    code: 'yaml-invalid',
    what: 'a character that plain text can’t begin with',
    hint: 'Quote the whole value.',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    code: 'yaml-invalid',
    what: 'a second ": " in one line, or a line indented under a finished value',
    hint: 'Quote a text that contains ": ", or correct the indentation.',
  },
}

function at(reading: Reading, place: { text: string; offset: number; cause?: unknown }): ManifestError {
  const where = positionAt(place.text, place.offset)
  const line = place.text.split('\n')[where.line - 1] ?? ''
  const hint = line.includes('{{') ? TEMPLATE : reading.hint
  const seen = line.trim() === '' ? '' : `, in ${JSON.stringify(excerpt(line))}`
  return new ManifestError(reading.code, reading.what + seen, {
    ...where,
    hint,
    cause: place.cause,
  })
}

function excerpt(line: string): string {
  const text = line.replace(/\r$/, '').replace(/^[\uFEFF ]+/, '')
  return text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text
}

/** Line and column of an offset, from 1; a byte order mark is no column. */
function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).replace(/^\uFEFF/, '')
  const newline = before.lastIndexOf('\n')
  return { line: before.split('\n').length, column: before.length - newline }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
