import type { Generated } from '../generated.ts'

/** A page of docs/reference: says first from where it is made, for whoever is about to edit it. */
export function page(name: string, source: string, ...parts: readonly string[]): Generated {
  const note = `<!-- Made by \`npm run generate\` from ${source}. -->`
  return { path: `docs/reference/${name}.md`, text: `${[note, ...parts].join('\n\n')}\n` }
}

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, header.map(() => '---'), ...rows.map((row) => row.map(cell))].map(line).join('\n')
}

export function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n')
}

/** On one line, with no bar that would begin another cell, and no `<name>` that would be read as HTML. */
function cell(text: string): string {
  const line = text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, '<br>')
  return outsideCode(line, (part) => part.replaceAll(/<(?!br>)/g, '&lt;'))
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

/** With a capital and a full stop, and names of keys as code: the source's sentences are parts of others. */
export function sentence(text: string): string {
  const isName = /^[^ ]*[/:]/.test(text)
  const whole = isName ? text : text.charAt(0).toUpperCase() + text.slice(1)
  return withCode(/[.!?]$/.test(whole) ? whole : `${whole}.`)
}

/** With the keys of annotations and labels as code. */
export function withCode(text: string): string {
  return outsideCode(text, (part) => part.replaceAll(/(?<![\w/.])[a-z]+(?:\.[a-z]+)+\/[a-z-]+(?:=[a-z]+)?/g, '`$&`'))
}

function outsideCode(text: string, change: (part: string) => string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : change(part)))
    .join('')
}
