import { isObject, type Json } from '../../../../src/json.ts'

/** Decisions of a random author, taken from a list of numbers that fast-check can shrink; 0 is always the plainest way. */
export class Choices {
  readonly #numbers: readonly number[]
  #at = 0

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers
  }

  /** A number below `count`. */
  below(count: number): number {
    const number = this.#numbers.length === 0 ? 0 : (this.#numbers[this.#at++ % this.#numbers.length] ?? 0)
    return number % count
  }

  /** True once in `count` times. */
  oneIn(count: number): boolean {
    return this.below(count) === 1
  }
}

export interface Author {
  readonly choices: Choices
  readonly step: number
  readonly dashes: number
  /** Whether short collections may be in flow style. */
  readonly flow: boolean
}

/** A value as some author might have written it: comments, blank lines, quotes, flow style, indented or plain lists. */
export function styled(value: Json, author: Author): string {
  return `${block(value, 0, author).join('\n')}\n`
}

function block(value: Json, column: number, author: Author): string[] {
  const lines: string[] = []
  const pad = ' '.repeat(column)
  const rows: [string, Json][] = Array.isArray(value)
    ? value.map((item): [string, Json] => ['-', item])
    : pairs(value, author)
  for (const [lead, item] of rows) {
    if (author.choices.oneIn(9)) lines.push('')
    if (author.choices.oneIn(7)) lines.push(`${pad}# about ${lead}`)
    lines.push(...row(pad, lead, item, author))
  }
  if (author.choices.oneIn(11)) lines.push(`${pad}# end of ${column}`)
  return lines
}

function pairs(value: Json, { choices }: Author): [string, Json][] {
  return Object.entries(isObject(value) ? value : {}).map(([key, item]) => [`${keyText(key, choices)}:`, item])
}

function row(pad: string, lead: string, value: Json, author: Author): string[] {
  const { choices } = author
  const note = choices.oneIn(6) ? ' # note' : ''
  if (typeof value === 'string' && /^[^\s][^\r\t]*\n[^\r\t]*[^\s]\n?$/.test(value) && choices.below(4) !== 1) {
    const body = value.replace(/\n$/, '').split('\n')
    const inner = `${pad}${' '.repeat(author.step)}`
    return [
      `${pad}${lead} |${value.endsWith('\n') ? '' : '-'}${note}`,
      ...body.map((line) => (line ? inner + line : '')),
    ]
  }
  if (!isCollection(value) || isEmpty(value) || (author.flow && choices.oneIn(5))) {
    return [`${pad}${lead} ${flow(value, choices)}${note}`]
  }
  if (lead === '-') return item(pad, value, author)
  const column = pad.length + (Array.isArray(value) ? author.dashes : author.step)
  return [`${pad}${lead}${note}`, ...block(value, column, author)]
}

/** A list's item begins in the line of its dash, where no comment comes first. */
function item(pad: string, value: Json, author: Author): string[] {
  const inner = block(value, pad.length + 2, author)
  const [first = ''] = inner
  return first.trim() === '' || first.trim().startsWith('#')
    ? [`${pad}-`, ...inner]
    : [`${pad}- ${first.trimStart()}`, ...inner.slice(1)]
}

function flow(value: Json, choices: Choices): string {
  const gap = choices.oneIn(3) ? ' ' : ''
  if (Array.isArray(value))
    return value.length === 0 ? '[]' : `[${gap}${value.map((v) => flow(v, choices)).join(', ')}${gap}]`
  if (isObject(value)) {
    const rows = Object.entries(value).map(([key, v]) => `${keyText(key, choices)}: ${flow(v, choices)}`)
    return rows.length === 0 ? '{}' : `{${gap}${rows.join(', ')}${gap}}`
  }
  return scalar(value, choices)
}

function scalar(value: Json, choices: Choices): string {
  if (typeof value !== 'string') return value === null ? (choices.oneIn(2) ? '~' : 'null') : JSON.stringify(value)
  if (isPlain(value) && choices.below(3) !== 1) return value
  if (!/[\n\r\t\\]/.test(value) && choices.oneIn(2)) return `'${value.replaceAll("'", "''")}'`
  return JSON.stringify(value)
}

function keyText(key: string, choices: Choices): string {
  if (isPlain(key) && !choices.oneIn(9)) return key
  return JSON.stringify(key)
}

function isPlain(text: string): boolean {
  return /^[a-z][a-z0-9./-]*[a-z0-9]$/i.test(text) && !/^(?:yes|no|on|off|true|false|null)$/i.test(text)
}

function isCollection(value: Json): boolean {
  return typeof value === 'object' && value !== null
}

function isEmpty(value: Json): boolean {
  return isCollection(value) && Object.keys(value ?? {}).length === 0
}
