import { type Alias, isAlias, isMap, isSeq, type Node, visit } from 'yaml'
import type { Editing } from './edit-slot.ts'
import { replaceSlot } from './edit-slot.ts'
import { MAX_ALIAS_COUNT, type ParsedDocument, plainJson } from './kubernetes-yaml.ts'
import { isBlockCollection, isFlowCollection, rootSlot, rowsOf, type Slot } from './layout.ts'

/**
 * Writes the value of an anchor where its aliases stand, so that the anchor can be changed without changing them.
 * @returns whether there was any such alias
 */
export function expandAliases(editing: Editing, yaml: ParsedDocument, anchored: ReadonlySet<Node>): boolean {
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

/** The anchored nodes that some alias stands for. */
export function aliasedNodes(yaml: ParsedDocument): Set<Node> {
  const aliases: Alias[] = []
  visit(yaml, {
    Alias(_, alias) {
      aliases.push(alias)
    },
  })
  return new Set(aliases.flatMap((alias) => alias.resolve(yaml) ?? []))
}

function* slotsBelow(slot: Slot, source: string): Generator<Slot> {
  yield slot
  const { node } = slot
  if (!(isMap(node) || isSeq(node)) || !(isBlockCollection(node) || isFlowCollection(node))) return
  for (const row of rowsOf(node, source)) yield* slotsBelow(row.slot, source)
}
