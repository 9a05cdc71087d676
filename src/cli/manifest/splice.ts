/** Replaces source[start, end) by text, whose line ends are `\n`. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Applies splices that don't overlap. Of several insertions at one place the one that was made first comes first: inner rows
 * before the rows of the collection around them.
 */
export function applySplices(source: string, splices: readonly Splice[], lineBreak: string): string {
  const sorted = splices.toSorted((a, b) => a.start - b.start || a.end - b.end)
  let result = ''
  let at = 0
  for (const { start, end, text } of sorted) {
    result += source.slice(at, start) + text.replaceAll('\n', lineBreak)
    at = Math.max(at, end)
  }
  return result + source.slice(at)
}
