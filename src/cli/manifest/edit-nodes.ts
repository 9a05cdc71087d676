import { isAlias, isMap, isNode, isScalar, isSeq, type Node, Pair, type ParsedNode, parseDocument, visit } from 'yaml'
import { equal, isObject, type Json } from '../../json.ts'
import { COMPATIBLE_YAML, MAX_ALIAS_COUNT, type ParsedDocument, plainJson } from './kubernetes-yaml.ts'
import { planMap, planSequence } from './plan.ts'
import { blockDocument, type Style } from './render.ts'

/**
 * Changes a document through the tree of the yaml package: comments and order stay, spacing and quoting may not; aliases are
 * written out. The way for layouts that `editText` refuses.
 */
export function editNodes(text: string, value: Json, style: Style): string {
  const yaml: ParsedDocument = parseDocument(text, { ...COMPATIBLE_YAML, customTags: [...COMPATIBLE_YAML.customTags] })
  const old = plainJson(yaml.toJS({ maxAliasCount: MAX_ALIAS_COUNT }))
  writeOutAliases(yaml)
  // The type of a parsed tree forbids nodes made by hand, which are what we add.
  yaml.contents = reconcile(yaml.contents, old, value) as ParsedNode
  const result = yaml.toString({ indent: style.block.step, indentSeq: style.block.indentSequences, lineWidth: 0 })
  const ended = /^\.\.\.\s*$/m.test(text.trimEnd().split('\n').at(-1) ?? '')
    ? `${result.replace(/\n*$/, '\n')}...\n`
    : result
  return ended.replaceAll('\n', style.lineBreak)
}

function writeOutAliases(yaml: ParsedDocument): void {
  // Before the first alias goes, since each is looked up among the nodes before it.
  const values = new Map<Node, Json>()
  visit(yaml, {
    Alias(_, alias) {
      const target = alias.resolve(yaml)
      values.set(alias, plainJson(target?.toJS(yaml, { maxAliasCount: MAX_ALIAS_COUNT })))
    },
  })
  visit(yaml, {
    Alias: (_, alias) => nodeFor(values.get(alias) ?? null),
  })
  visit(yaml, {
    Node(_, node) {
      if (!isAlias(node)) delete node.anchor
    },
  })
}

function reconcile(node: unknown, old: Json, value: Json): Node {
  if (hasOwnValue(node) && equal(old, value)) return node
  if (isMap(node) && isObject(old) && isObject(value)) {
    const items = node.items
    const rows = items.map(({ key }) => keyOf(key))
    const plan = planMap(rows, old, value)
    for (const { row, old: was, value: next } of plan.keep) {
      const pair = items[row]
      if (pair) pair.value = reconcile(pair.value, was, next)
    }
    const added = plan.add.map(({ after, key, value: item }) => ({
      after,
      item: new Pair(nodeFor(key), nodeFor(item)),
    }))
    node.items = arrange(items, plan.remove, added)
    return node
  }
  if (isSeq(node) && Array.isArray(old) && Array.isArray(value)) {
    const plan = planSequence(old, value)
    for (const { row, old: was, value: next } of plan.keep) node.items[row] = reconcile(node.items[row], was, next)
    const added = plan.add.map(({ after, value: item }) => ({ after, item: nodeFor(item) }))
    node.items = arrange(node.items, plan.remove, added)
    return node
  }
  return withComments(nodeFor(value), node)
}

function withComments(node: Node, old: unknown): Node {
  if (!isNode(old)) return node
  if (old.comment) node.comment = old.comment
  if (old.commentBefore) node.commentBefore = old.commentBefore
  if (old.spaceBefore) node.spaceBefore = old.spaceBefore
  return node
}

function arrange<T>(items: readonly T[], remove: readonly number[], added: readonly { after: number; item: T }[]): T[] {
  const below = (row: number) => added.filter(({ after }) => after === row).map(({ item }) => item)
  return [...below(-1), ...items.flatMap((item, i) => [...(remove.includes(i) ? [] : [item]), ...below(i)])]
}

function keyOf(key: unknown): { key: string | undefined; merge: boolean } {
  const value = isScalar(key) ? key.value : key
  if (typeof value === 'symbol') return { key: undefined, merge: true }
  return { key: value === null ? '' : String(value), merge: false }
}

/** A node that is no alias. */
function hasOwnValue(node: unknown): node is Node {
  return isMap(node) || isSeq(node) || isScalar(node)
}

function nodeFor(value: Json): Node {
  const { contents } = blockDocument(value)
  if (!hasOwnValue(contents)) throw new TypeError('a value without a node')
  return contents
}
