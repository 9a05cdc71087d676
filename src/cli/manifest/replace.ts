import { isScalar } from 'yaml'
import type { Json } from '../../json.ts'
import { indentLines } from './edit-block.ts'
import type { Editing } from './edit-slot.ts'
import { isBlockCollection, isBlockScalar, type Slot } from './layout.ts'
import { indentation, lineEnd, lineStart } from './lines.ts'
import { NotTextual } from './not-textual.ts'
import { renderBlock, scalarTypeOf } from './render-block.ts'
import { renderFlow } from './render-flow.ts'

/** A value as its slot shows it: the rest of the line of its key or `-`, and the lines below. */
interface Shown {
  readonly inline: string
  readonly lines: readonly string[]
}

/** Puts another value into a slot. A comment behind the key or behind a one-line value stays there. @throws NotTextual */
export function replaceSlot(editing: Editing, slot: Slot, value: Json): void {
  if (slot.kind === 'root') throw new NotTextual('the whole document')
  if (slot.kind === 'flow') replaceInFlow(editing, slot, value)
  else replaceInBlock(editing, slot, show(editing, slot, value))
}

function replaceInFlow(editing: Editing, slot: Slot, value: Json): void {
  const { flow } = editing.style
  const text = renderFlow(value, flow, indentation(editing.source, slot.head))
  const lead =
    slot.start === slot.head && slot.end === slot.head ? `${slot.bare ? ':' : ''}${flow.spaced ? ' ' : ''}` : ''
  editing.splices.push({ start: slot.start, end: slot.end, text: lead + text })
}

function show(editing: Editing, slot: Slot, value: Json): Shown {
  // A list taken away from under its key leaves the key, whose value is then null.
  if (value === null && isBlockCollection(slot.node)) return { inline: '', lines: [] }
  const block = { ...editing.style.block, indentSequences: sequencesIndented(editing, slot) }
  const type = scalarTypeOf(slot.node)
  const rendered = renderBlock(slot.kind === 'pair' ? { key: value } : [value], block, type)
  const [first = '', ...rest] = rendered
  return {
    inline: first.slice(slot.kind === 'pair' ? 'key:'.length : '-'.length),
    lines: indentLines(rest, slot.column),
  }
}

/** A list that is replaced keeps its own way. */
function sequencesIndented(editing: Editing, { node, kind, column }: Slot): boolean {
  if (kind !== 'pair' || !isBlockCollection(node) || node.srcToken?.type !== 'block-seq') {
    return editing.style.block.indentSequences
  }
  return node.range[0] - lineStart(editing.source, node.range[0]) > column
}

function replaceInBlock(editing: Editing, slot: Slot, { inline, lines }: Shown): void {
  const { source, splices } = editing
  const below = lines.map((line) => `${line}\n`).join('')
  const { node, head, start, end, propsEnd } = slot
  const begin = node && end > propsEnd ? node.range[0] : start
  const onHeadLine = begin < lineEnd(source, head)
  if (!onHeadLine) {
    // key: # comment
    //   value of its own lines
    const propsOnHeadLine = propsEnd <= lineEnd(source, head) ? propsEnd : head
    const from = lineStart(source, propsOnHeadLine === propsEnd ? begin : start)
    splices.push({ start: head, end: propsOnHeadLine, text: inline })
    splices.push({ start: from, end: lineEnd(source, end), text: below })
  } else if (isBlockCollection(node)) {
    // - name: app
    //   image: shop
    splices.push({ start: head, end: lineEnd(source, end), text: `${inline}\n${below}` })
  } else if (isBlockScalar(node)) {
    // key: |- # comment
    //   text
    const header = begin + (/^[|>][-+0-9]*/.exec(source.slice(begin, end))?.[0].length ?? 0)
    const textStart = lineEnd(source, header)
    splices.push({ start: head, end: header, text: inline })
    splices.push({ start: textStart, end: Math.max(textStart, lineEnd(source, end)), text: below })
  } else {
    // key:  value # comment
    const oneLine = inline !== '' && end > head && isScalar(node)
    const after = lineEnd(source, end)
    splices.push({ start: oneLine ? start : head, end, text: oneLine ? inline.trimStart() : inline })
    splices.push({ start: after, end: after, text: below })
  }
}
