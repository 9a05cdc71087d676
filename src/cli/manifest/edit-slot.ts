import { isAlias, isMap, isScalar, isSeq, type Node, type ParsedNode, visit } from 'yaml'
import { equal, isObject, type Json } from '../../json.ts'
import { changeBlockRows } from './edit-block.ts'
import { changeFlowRows } from './edit-flow.ts'
import { isBlockCollection, isFlowCollection, type Row, rowsOf, type Slot } from './layout.ts'
import { type Plan, planMap, planSequence } from './plan.ts'
import { isLiteral } from './render-block.ts'
import { replaceSlot } from './replace.ts'
import type { Splice } from './splice.ts'
import type { Style } from './style.ts'

/** What one pass over a document collects. */
export interface Editing {
  readonly source: string
  readonly style: Style
  readonly splices: Splice[]
  /** Anchored nodes whose text changed or went: their aliases would change with them. */
  readonly touched: Set<Node>
}

/** Rows of one collection, and where they are. */
export interface Rows {
  readonly rows: readonly Row[]
  readonly map: boolean
}

/** Makes the slot hold `value` instead of `old`, by as little text as possible. @throws NotTextual */
export function editSlot(editing: Editing, slot: Slot, old: Json, value: Json): void {
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
function planFor(editing: Editing, slot: Slot, old: Json, value: Json): (Rows & { plan: Plan }) | undefined {
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
