import type { Json } from '../../json.ts'
import { escapeUnprintable } from './render-block.ts'

/** How a flow collection (`{a: [1]}`) or JSON is written. */
export interface FlowStyle {
  readonly json: boolean
  /** Whether a space follows `:` and `,`; YAML needs it, JSON not. */
  readonly spaced: boolean
  /** The indentation of one level where each item has a line of its own. */
  readonly step: string | undefined
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

/** Words that are no strings in YAML 1.1, 1.2 or Kubernetes. */
const NOT_STRINGS = /^(?:y|n|yes|no|on|off|true|false|null)$/i
const PLAIN = /^[A-Za-z][A-Za-z0-9_./-]*$/

function renderScalar(value: string | number | boolean | null, style: FlowStyle): string {
  if (typeof value !== 'string' || style.json) return JSON.stringify(value)
  if (PLAIN.test(value) && !NOT_STRINGS.test(value)) return value
  return escapeUnprintable(JSON.stringify(value))
}
