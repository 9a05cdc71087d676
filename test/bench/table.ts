import type { Spread } from './spread.ts'

/** A line of a table, cell by cell. */
export type Row = readonly string[]

/** An empty line, the title and the rows in columns; nothing where there is no row. */
export function section(title: string, rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ['', title, ...aligned(rows)]
}

export function spread({ median, min, max }: Spread): string {
  return `${digits(median)} (${digits(min)}..${digits(max)})`
}

/** Three significant digits, and never an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '?'
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
}

function aligned(rows: readonly Row[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length)
  }
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}
