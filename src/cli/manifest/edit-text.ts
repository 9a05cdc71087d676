import type { Json } from '../../json.ts'
import { aliasedNodes, expandAliases } from './aliases.ts'
import { type Editing, editSlot } from './edit-slot.ts'
import { documentValue, parseYaml } from './kubernetes-yaml.ts'
import { rootSlot } from './layout.ts'
import { applySplices } from './splice.ts'
import { styleOf } from './style.ts'

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
