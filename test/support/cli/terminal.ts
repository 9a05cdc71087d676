import type { Terminal } from '../../../src/cli/terminal.ts'

const TOKEN = /\u001b\[([HKJ])|[\s\S]/gu

/**
 * A terminal as xterm and its like work, of what our screen uses: a character in the last column leaves the cursor on it
 * until the next one comes. A line's end also returns to the first column, as ttys have it.
 */
export class FakeTerminal implements Terminal {
  readonly rows: number
  readonly columns: number
  readonly #scrolledOut: string[][] = []
  readonly #cells: string[][]
  #row = 0
  #column = 0
  #wrapsNext = false

  /** @param before what stands on it, with the cursor in the line below */
  constructor(rows: number, columns: number, before: readonly string[] = []) {
    this.rows = rows
    this.columns = columns
    this.#cells = Array.from({ length: rows }, () => [])
    for (const line of before) this.write(`${line}\n`)
  }

  get shown(): readonly string[] {
    return this.#cells.map(textOf)
  }

  /** What was scrolled out at the top, then what is shown; without empty lines at the end. */
  get all(): readonly string[] {
    return [...this.#scrolledOut, ...this.#cells].map(textOf).join('\n').trimEnd().split('\n')
  }

  write(text: string): void {
    for (const [token, command] of text.matchAll(TOKEN)) {
      if (command !== undefined) this.#obey(command)
      else if (token === '\n') this.#endLine()
      else this.#put(token)
    }
  }

  #obey(command: string): void {
    if (command === 'H') {
      this.#row = 0
      this.#column = 0
    } else {
      this.#cells[this.#row]?.splice(this.#column)
      if (command === 'J') for (const row of this.#cells.slice(this.#row + 1)) row.splice(0)
    }
    this.#wrapsNext = false
  }

  #endLine(): void {
    this.#column = 0
    this.#wrapsNext = false
    this.#row++
    if (this.#row < this.rows) return
    this.#row = this.rows - 1
    this.#scrolledOut.push(this.#cells.shift() ?? [])
    this.#cells.push([])
  }

  #put(character: string): void {
    if (this.#wrapsNext) this.#endLine()
    const row = this.#cells[this.#row]
    if (row !== undefined) row[this.#column] = character
    this.#wrapsNext = this.#column === this.columns - 1
    if (!this.#wrapsNext) this.#column++
  }
}

function textOf(row: readonly string[]): string {
  return Array.from(row, (cell) => cell ?? ' ').join('')
}
