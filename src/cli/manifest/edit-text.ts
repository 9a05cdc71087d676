import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, visit } from 'yaml'
import { equal, isObject, type Json } from '../../json.ts'
import { documentValue, MAX_ALIAS_COUNT, type ParsedDocument, parseYaml, plainJson } from './kubernetes-yaml.ts'
import {
  applySplices,
  commentsAbove,
  firstInLine,
  indentation,
  insertionPoint,
  isBlockCollection,
  isBlockScalar,
  isFlowCollection,
  lineEnd,
  lineStart,
  NotTextual,
  type Row,
  rootSlot,
  rowsOf,
  type Slot,
  type Splice,
} from './layout.ts'
import { type EditPlan, planMap, planSequence } from './plan.ts'
import { isLiteral, renderBlock, renderFlow, renderFlowPair, type Style, scalarTypeOf, styleOf } from './render.ts'

/** What one pass over a document collects. */
interface Editing {
  readonly source: string
  readonly style: Style
  readonly splices: Splice[]
  /** Anchored nodes whose text changed or went: their aliases would change with them. */
  readonly touched: Set<Node>
}

/** Rows of one collection, and where they are. */
interface Rows {
  readonly rows: readonly Row[]
  readonly map: boolean
}

/**
 * Changes a document by editing its text where its value changes, and nowhere else.
 * @param text one document, without byte order mark, as YAML that parses
 * @throws NotTextual where that can't be done
 */
export function editText(text: string, value: Json, json: boolean): string {
  const yaml = parseYaml(text)
  const style = styleOf(yaml.contents, text, json)
  // Below this every line has an end, so that rows are whole lines.
  const open = !text.endsWith('\n')
  const source = open ? text + style.lineBreak : text
  const editing: Editing = { source, style, splices: [], touched: new Set() }
  editSlot(editing, rootSlot(yaml.contents, source), documentValue(yaml), value)
  const users = aliasedNodes(yaml)
  const aliased = new Set([...editing.touched].filter((node) => users.has(node)))
  if (aliased.size > 0) {
    const expanding: Editing = { source, style, splices: [], touched: new Set() }
    // Each round leaves fewer aliases, so this ends.
    if (expandAliases(expanding, yaml, aliased)) return editText(finish(expanding, open), value, json)
  }
  return finish(editing, open)
}

function finish({ source, splices, style }: Editing, open: boolean): string {
  const result = applySplices(source, splices, style.lineBreak)
  return open && result.endsWith(style.lineBreak) ? result.slice(0, -style.lineBreak.length) : result
}

/** Makes the slot hold `value` instead of `old`, by as little text as possible. @throws NotTextual */
function editSlot(editing: Editing, slot: Slot, old: Json, value: Json): void {
  if (equal(old, value)) return
  if (slot.node && !isAlias(slot.node) && slot.node.anchor) editing.touched.add(slot.node)
  const change = planFor(editing, slot, old, value)
  if (!change || change.plan.remove.length === change.rows.length) {
    touchAnchors(editing, slot.node)
    replaceSlot(editing, slot, value)
    return
  }
  for (const { row, old: was, value: next } of change.plan.keep) {
    const kept = change.rows[row]
    if (kept) editSlot(editing, kept.slot, was, next)
  }
  for (const row of change.plan.remove) touchAnchors(editing, change.rows[row]?.slot.node ?? null)
  if (isFlowCollection(slot.node)) changeFlowRows(editing, change, change.plan)
  else changeBlockRows(editing, change, change.plan)
}

/** Undefined where the value is replaced as a whole. */
function planFor(editing: Editing, slot: Slot, old: Json, value: Json): (Rows & { plan: EditPlan }) | undefined {
  const { node } = slot
  if (!isBlockCollection(node) && !isFlowCollection(node)) return undefined
  if (node.items.length === 0) return undefined
  if (isFlowCollection(node) && needsBlock(editing, slot, old, value)) return undefined
  const rows = rowsOf(node, editing.source)
  if (isMap(node) && isObject(old) && isObject(value)) return { rows, map: true, plan: planMap(rows, old, value) }
  if (isSeq(node) && Array.isArray(old) && Array.isArray(value)) {
    return { rows, map: false, plan: planSequence(old, value) }
  }
  return undefined
}

/** A script of many lines is not readable in flow style: the outermost flow collection becomes a block, but JSON stays JSON. */
function needsBlock(editing: Editing, slot: Slot, old: Json, value: Json): boolean {
  if (editing.style.flow.json || slot.kind === 'flow' || slot.kind === 'root') return false
  return hasLiteral(value) && !hasLiteral(old)
}

function hasLiteral(value: Json): boolean {
  if (typeof value === 'string') return isLiteral(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(hasLiteral)
}

function touchAnchors(editing: Editing, node: ParsedNode | null): void {
  visit(node, {
    Node(_, inner) {
      if ((isScalar(inner) || isMap(inner) || isSeq(inner)) && inner.anchor) editing.touched.add(inner)
    },
  })
}

/** Puts another value into a slot. A comment behind the key or behind a one-line value stays there. @throws NotTextual */
function replaceSlot(editing: Editing, slot: Slot, value: Json): void {
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

/** A value as its slot shows it: the rest of the line of its key or `-`, and the lines below. */
interface Shown {
  readonly inline: string
  readonly lines: readonly string[]
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

/** Takes out and puts in the rows of a block map or sequence; each is one or more whole lines. */
function changeBlockRows(editing: Editing, { rows, map }: Rows, { remove, add }: EditPlan): void {
  for (const row of remove) removeRow(editing, rows, { row, removed: remove })
  const column = rows[0]?.slot.column ?? 0
  for (const { after, key, value } of add) {
    const lines = renderRow(editing, map ? { [key]: value } : [value], column)
    const above = rows[after]
    if (above) {
      insert(editing, insertionPoint(editing.source, above.slot.end, column), `${lines.join('\n')}\n`)
    } else {
      insertFirst(editing, rows, lines)
    }
  }
}

function renderRow(editing: Editing, value: Json, column: number): string[] {
  return indentLines(renderBlock(value, editing.style.block), column)
}

/** Empty lines stay empty. */
function indentLines(lines: readonly string[], column: number): string[] {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(column) + line))
}

function insert(editing: Editing, at: number, text: string): void {
  editing.splices.push({ start: at, end: at, text })
}

/** Above the first row and above the comments that belong to it. */
function insertFirst(editing: Editing, rows: readonly Row[], lines: readonly string[]): void {
  const [first] = rows
  if (!first) throw new NotTextual('a block collection without rows')
  if (firstInLine(editing.source, first.start)) {
    insert(editing, commentsAbove(editing.source, first.start), `${lines.join('\n')}\n`)
  } else {
    const indent = ' '.repeat(first.slot.column)
    insert(editing, first.start, `${lines.join('\n').slice(indent.length)}\n${indent}`)
  }
}

/** The comment above a row stays: it may be about more than this row. Comments inside it and behind it go. */
function removeRow(
  editing: Editing,
  rows: readonly Row[],
  { row, removed }: { row: number; removed: readonly number[] },
) {
  const { source } = editing
  const gone = rows[row]
  if (!gone) return
  if (firstInLine(source, gone.start)) {
    editing.splices.push({ start: lineStart(source, gone.start), end: lineEnd(source, gone.slot.end), text: '' })
    return
  }
  // The first key of an item stands behind its `- `: the first key that stays moves up there.
  const next = rows.find((_, i) => i > row && !removed.includes(i))
  if (!next) throw new NotTextual('no row left to move up')
  const below = lineEnd(source, gone.slot.end)
  if (source.slice(below, next.start).trim() === '') {
    editing.splices.push({ start: gone.start, end: next.start, text: '' })
  } else {
    // A comment stands between: it stays, and the dash alone in its line.
    const dash = source.slice(0, gone.start).trimEnd().length
    editing.splices.push({ start: dash, end: source.slice(0, below).trimEnd().length, text: '' })
  }
}

/** Takes out and puts in the rows of `{…}` or `[…]`; at least one row stays. */
function changeFlowRows(editing: Editing, { rows, map }: Rows, { remove, add }: EditPlan): void {
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

/** The anchored nodes that some alias stands for. */
function aliasedNodes(yaml: ParsedDocument): Set<Node> {
  const aliases: Alias[] = []
  visit(yaml, {
    Alias(_, alias) {
      aliases.push(alias)
    },
  })
  return new Set(aliases.flatMap((alias) => alias.resolve(yaml) ?? []))
}

/**
 * Writes the value of an anchor where its aliases stand, so that the anchor can be changed without changing them.
 * @returns whether there was any such alias
 */
function expandAliases(editing: Editing, yaml: ParsedDocument, anchored: ReadonlySet<Node>): boolean {
  let any = false
  for (const slot of slotsBelow(rootSlot(yaml.contents, editing.source), editing.source)) {
    if (!isAlias(slot.node)) continue
    const target = slot.node.resolve(yaml)
    if (!target || !anchored.has(target)) continue
    replaceSlot(editing, slot, plainJson(target.toJS(yaml, { maxAliasCount: MAX_ALIAS_COUNT })))
    any = true
  }
  return any
}

function* slotsBelow(slot: Slot, source: string): Generator<Slot> {
  yield slot
  const { node } = slot
  if (!(isMap(node) || isSeq(node)) || !(isBlockCollection(node) || isFlowCollection(node))) return
  for (const row of rowsOf(node, source)) yield* slotsBelow(row.slot, source)
}
