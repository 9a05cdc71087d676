import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'
import { stringify } from 'yaml'
import type { JsonObject } from '../../src/json.ts'

/** What the demonstration prints. Colours only where standard output is a terminal and nobody set NO_COLOR. */

type Style = Parameters<typeof styleText>[0]

function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

let steps = 0

export function showStep(title: string): void {
  steps++
  process.stdout.write(`\n${paint('bold', `${steps}. ${title}`)}\n`)
}

export function showText(text: string): void {
  for (const line of text.trimEnd().split('\n')) process.stdout.write(`   ${line}\n`)
}

export function showCommand(args: readonly string[], program = 'kubectl'): void {
  showText(paint('cyan', `$ ${program} ${args.join(' ')}`))
}

/** Lines of the script that are shown before it is cut. */
const SHOWN_SCRIPT_LINES = 4

/** The lines in which two objects differ, as `diff -u` has them, with the wrapper's script cut short. */
export function showDifference(before: JsonObject, after: JsonObject): void {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-demo-'))
  try {
    const [from, to] = [join(folder, 'before'), join(folder, 'after')]
    writeFileSync(from, yaml(before))
    writeFileSync(to, yaml(after))
    const { stdout } = spawnSync('diff', ['-U2', from, to], { encoding: 'utf8' })
    const lines = stdout.split('\n').slice(2)
    for (const line of cutScript(lines.filter((line) => line !== ''))) showText(colour(line))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function colour(line: string): string {
  if (line.startsWith('+')) return paint('green', line)
  if (line.startsWith('-')) return paint('red', line)
  return paint('dim', line.startsWith('@@') ? '…' : line)
}

function yaml(object: JsonObject): string {
  return stringify(object, { lineWidth: 0, compat: 'yaml-1.1', sortMapEntries: false })
}

/** The script is everything that is indented deeper than the line that begins it. */
function cutScript(lines: readonly string[]): readonly string[] {
  const shown: string[] = []
  let start: { readonly indent: number; count: number } | undefined
  for (const line of lines) {
    const indent = line.slice(1).search(/\S|$/)
    const isBlank = line.slice(1).trim() === ''
    if (start && (isBlank || indent > start.indent)) {
      start.count++
      if (start.count <= SHOWN_SCRIPT_LINES) shown.push(line)
      continue
    }
    if (start)
      shown.push(
        `${line[0]}${' '.repeat(start.indent + 2)}… ${start.count - SHOWN_SCRIPT_LINES} more lines of the wrapper …`,
      )
    start = /- \|-?$/.test(line) ? { indent, count: 0 } : undefined
    shown.push(line)
  }
  return shown
}
