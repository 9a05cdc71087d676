import { stripVTControlCharacters } from 'node:util'

const ROWS_DEFAULT = 24
const COLUMNS_DEFAULT = 80

const TOP_LEFT = '\u001b[H'
const CLEAR_LINE = '\u001b[K' // from the cursor on
const CLEAR_BELOW = '\u001b[J'

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
