import type { Editing, Rows } from './edit-slot.ts'
import type { Row } from './layout.ts'
import { firstInLine, indentation } from './lines.ts'
import { NotTextual } from './not-textual.ts'
import type { Plan } from './plan.ts'
import { renderFlow, renderFlowPair } from './render-flow.ts'

/** Takes out and puts in the rows of `{…}` or `[…]`; at least one row stays. */
export function changeFlowRows(editing: Editing, { rows, map }: Rows, { remove, add }: Plan): void {
  for (const [first, last] of runs(remove))
    editing.splices.push({ ...gap(editing.source, rows, [first, last]), text: '' })
  const { flow } = editing.style
  for (const { after, key, value } of add) {
    const neighbour = rows[Math.max(after, 0)]
    if (!neighbour) throw new NotTextual('a flow collection without rows')
    const ownLine = firstInLine(editing.source, neighbour.start)
    const indent = indentation(editing.source, neighbour.start)
    const text = map ? renderFlowPair(key, value, flow, indent) : renderFlow(value, flow, indent)
    const separator = ownLine ? `,\n${indent}` : flow.spaced ? ', ' : ','
    const at = after < 0 ? neighbour.start : neighbour.slot.end
    editing.splices.push({ start: at, end: at, text: after < 0 ? text + separator : separator + text })
  }
}

/** [1, 2, 5] → [[1, 2], [5, 5]] */
function runs(indexes: readonly number[]): [number, number][] {
  const result: [number, number][] = []
  for (const index of indexes) {
    const last = result.at(-1)
    if (last && last[1] === index - 1) last[1] = index
    else result.push([index, index])
  }
  return result
}

/** The text of these rows with one comma: the one behind them, or at the end the one before. */
function gap(source: string, rows: readonly Row[], [first, last]: [number, number]): { start: number; end: number } {
  const [from, to, before, next] = [rows[first], rows[last], rows[first - 1], rows[last + 1]]
  if (!from || !to) throw new NotTextual('no such row')
  const start = next || !before ? from.start : before.slot.end
  const end = next ? next.start : to.slot.end
  const between = source.slice(start, from.start) + source.slice(to.slot.end, end)
  if (between.includes('#')) throw new NotTextual('a comment between rows of a flow collection')
  return { start, end }
}
