import { createInterface } from 'node:readline/promises'
import { stripVTControlCharacters, styleText } from 'node:util'

const ROWS_DEFAULT = 24
const COLUMNS_DEFAULT = 80
const TOP_LEFT = '\u001b[H'
const CLEAR_LINE = '\u001b[K' // from the cursor on
const CLEAR_BELOW = '\u001b[J'

/** For the person who looks on: standard output is for results. */
export function printNote(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function printWarning(text: string): void {
  printNote(`${colour('yellow', 'warning:', process.stderr)} ${text}`)
}

type Colour = 'red' | 'yellow' | 'green' | 'cyan' | 'dim' | 'bold'

/** The text in colour where the stream is a terminal that shows some; NO_COLOR and FORCE_COLOR are heeded. */
export function colour(as: Colour, text: string, stream: NodeJS.WritableStream): string {
  return styleText(as, text, { stream })
}

/** Nobody is there to answer. */
export class NoTerminalError extends Error {
  override readonly name = 'NoTerminalError'
}

/**
 * Asks on standard error, since standard output is for results, and reads the answer from the terminal. Anything but y or
 * yes is a no, and so are Ctrl+C and Ctrl+D.
 *
 * @throws NoTerminalError that names `--yes`
 */
export async function ask(question: string): Promise<boolean> {
  return /^\s*y(es)?\s*$/i.test((await answerTo(`${question} [y/N]`, '--yes')) ?? '')
}

/**
 * The same for what must not be agreed to by habit: the answer has to be this very word.
 *
 * @param option what does without the question
 * @throws NoTerminalError that names the option
 */
export async function askForWord(question: string, word: string, option: string): Promise<boolean> {
  return (await answerTo(question, option))?.trim() === word
}

/** Undefined for Ctrl+C and Ctrl+D. */
async function answerTo(question: string, option: string): Promise<string | undefined> {
  if (!process.stdin.isTTY)
    throw new NoTerminalError(`"${question}" needs an answer, but standard input isn't a terminal: add ${option}`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const given = new AbortController()
  terminal.once('SIGINT', () => given.abort())
  terminal.once('close', () => given.abort())
  try {
    return await terminal.question(`${question} `, { signal: given.signal })
  } catch {
    process.stderr.write('\n')
    return undefined
  } finally {
    terminal.close()
  }
}

/** A terminal, as `process.stdout` is one. */
export interface Terminal {
  /** 0 where the terminal was told no size. */
  readonly rows: number
  readonly columns: number
  write(text: string): unknown
}

/**
 * Shows a text in the place of the one before: from the top left corner, each line to its end, and what was below is
 * cleared. So it does not flicker.
 */
export class Screen {
  readonly #terminal: Terminal
  #isOurs = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** As much of it as there is room for, and how much is left out. */
  show(text: string): void {
    this.#draw(this.#fitting(linesOf(text)))
  }

  /** All of it, for the last time: what there is no room for scrolls out at the top, where it can be read. */
  leave(text: string): void {
    this.#draw(linesOf(text))
  }

  #draw(lines: readonly string[]): void {
    // What was there before scrolls out as well, down to the line in which the cursor is.
    const scroll = this.#isOurs ? '' : '\n'.repeat(this.#rows - 1)
    this.#isOurs = true
    const drawn = lines.map((line) => `${line}${this.#fillsRows(line) ? '' : CLEAR_LINE}\n`).join('')
    this.#terminal.write(`${scroll}${TOP_LEFT}${drawn}${CLEAR_BELOW}`)
  }

  #fitting(lines: readonly string[]): readonly string[] {
    const room = this.#rows - 1 // for the cursor
    const heights = lines.map((line) => Math.max(1, Math.ceil(widthOf(line) / this.#columns)))
    if (sum(heights) <= room) return lines
    let count = lines.length
    while (count > 0 && sum(heights.slice(0, count)) > room - 1) count--
    const left = lines.length - count
    return [...lines.slice(0, count), `... ${left} more ${left === 1 ? 'line' : 'lines'}`]
  }

  /** Then the cursor still stands on its last character, and clearing from there would take that away. */
  #fillsRows(line: string): boolean {
    const width = widthOf(line)
    return width > 0 && width % this.#columns === 0
  }

  get #rows(): number {
    return this.#terminal.rows || ROWS_DEFAULT
  }

  get #columns(): number {
    return this.#terminal.columns || COLUMNS_DEFAULT
  }
}

function linesOf(text: string): readonly string[] {
  return text.trimEnd().split('\n')
}

function widthOf(line: string): number {
  return [...stripVTControlCharacters(line)].length
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
