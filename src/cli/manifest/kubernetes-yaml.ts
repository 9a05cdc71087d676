import { type Document, type ParsedNode, parseDocument, Scalar, type ScalarTag } from 'yaml'
import type { Json } from '../../json.ts'

/**
 * YAML as Kubernetes reads it: sigs.k8s.io/yaml, a fork of go-yaml v2, which follows neither YAML 1.1 nor 1.2 to the letter.
 *
 *   text            1.1      1.2       Kubernetes
 *   yes, on, y      boolean  string    boolean
 *   0644            420      644       420
 *   1_000           1000     string    1000
 *   22:22           1342     string    string
 *   2026-01-31      date     string    string
 */
const NULL: ScalarTag = {
  identify: (value) => value === null || value === undefined,
  createNode: () => new Scalar(null),
  default: true,
  tag: 'tag:yaml.org,2002:null',
  test: /^(?:~|null|Null|NULL)?$/,
  resolve: () => new Scalar(null),
  stringify: ({ source }) => source ?? 'null',
}

const YES = /^(?:[yY]|yes|Yes|YES|on|On|ON|true|True|TRUE)$/
const BOOLEAN: ScalarTag = {
  identify: (value) => typeof value === 'boolean',
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE)$/,
  resolve: (text) => new Scalar(YES.test(text)),
  stringify: ({ source, value }) => source ?? String(value),
}

const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/

/** What go-yaml makes of a plain scalar that looks like a number: it drops every `_`, but not after a leading point. */
function readNumber(text: string): number | string {
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return NaN
  const plain = text.startsWith('.') ? text : text.replaceAll('_', '')
  const [, sign, hex, binary, octal, decimal] = INTEGER.exec(plain) ?? []
  const digits = hex ?? binary ?? octal ?? decimal
  if (digits === undefined) return FLOAT.test(plain) ? Number.parseFloat(plain) : text
  const radix = hex ? 16 : binary ? 2 : octal ? 8 : 10
  const size = Number.parseInt(digits, radix)
  return sign === '-' && size !== 0 ? -size : size
}

const NUMBER: ScalarTag = {
  identify: (value) => typeof value === 'number',
  default: true,
  tag: 'tag:yaml.org,2002:float',
  // Wider than what is a number: `readNumber` decides, and what merely looks like one is quoted when we write it.
  test: /^(?=[-+.0-9])(?=.*[0-9fFnN])[-+]?(?:\.(?:inf|Inf|INF|nan|NaN|NAN)|0_*(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)|[0-9_]*\.?[0-9_]*(?:[eE]_*[-+]?[0-9_]+)?)$/,
  resolve: (text) => new Scalar(readNumber(text)),
  stringify: ({ source, value }) => source ?? String(value),
}
const INT: ScalarTag = { ...NUMBER, identify: () => false, tag: 'tag:yaml.org,2002:int' }

/** `1` and `"1"`, `on` and `true` are one key to Kubernetes, whose keys are strings. `<<` may stand twice. */
function sameKey(a: unknown, b: unknown): boolean {
  if (!(a instanceof Scalar) || !(b instanceof Scalar)) return false
  return typeof a.value !== 'symbol' && typeof b.value !== 'symbol' && String(a.value) === String(b.value)
}

const KUBERNETES_YAML = {
  schema: 'failsafe',
  customTags: [NULL, BOOLEAN, NUMBER, INT],
  merge: true,
  uniqueKeys: sameKey,
  prettyErrors: false,
  logLevel: 'error',
} as const

/** For writing: what we write must read the same in YAML 1.1, so strings that are something else there get quotes. */
export const COMPATIBLE_YAML = { ...KUBERNETES_YAML, compat: 'yaml-1.1' } as const

/** Against the billion-laughs attack: how often aliases may be expanded. Far above what people write. */
export const MAX_ALIAS_COUNT = 10_000

export type ParsedDocument = Document.Parsed<ParsedNode>

/** Parses one document; its errors are in `errors`, each with an offset into `text`. Nodes know where they stand. */
export function parseYaml(text: string): ParsedDocument {
  return parseDocument(text, {
    ...KUBERNETES_YAML,
    customTags: [...KUBERNETES_YAML.customTags],
    keepSourceTokens: true,
  })
}

/** The document's value as JSON has it: aliases and merge keys resolved, nothing shared. Throws where aliases explode. */
export function documentValue(document: ParsedDocument): Json {
  return plainJson(document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }))
}

/** A copy that is JSON and shares nothing: no `-0`, `NaN` or `undefined`. */
export function plainJson(value: unknown): Json {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as Json)
}
