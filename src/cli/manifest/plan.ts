import { equal, isObject, type Json, type JsonObject } from '../../json.ts'
import type { Row } from './layout.ts'

/** What becomes of the rows of a map or sequence. Numbers are indexes of the old rows. */
export interface EditPlan {
  readonly keep: readonly { readonly row: number; readonly old: Json; readonly value: Json }[]
  readonly remove: readonly number[]
  /** In their order; `after` is the kept row above, -1 for none. */
  readonly add: readonly { readonly after: number; readonly key: string; readonly value: Json }[]
}

/**
 * A new key goes below the key before it in the new value, or to the end. A key that came from `<<` is overridden by one of the
 * map's own; where one must go, `<<` goes and its other keys are written out.
 */
export function planMap(rows: readonly Pick<Row, 'key' | 'merge'>[], old: JsonObject, value: JsonObject): EditPlan {
  const own = new Map(rows.flatMap(({ key }, row): [string, number][] => (key === undefined ? [] : [[key, row]])))
  const merged = Object.keys(old).filter((key) => !own.has(key))
  const keepMerge = merged.every((key) => Object.hasOwn(value, key))
  const keep: { row: number; old: Json; value: Json }[] = []
  const remove: number[] = []
  for (const [row, { key, merge }] of rows.entries()) {
    const next = key === undefined ? undefined : property(value, key)
    if (key !== undefined && next !== undefined) keep.push({ row, old: property(old, key) ?? null, value: next })
    else if (!merge || !keepMerge) remove.push(row)
  }
  const kept = rows.map((_, row) => row).filter((row) => !remove.includes(row))
  const last = kept.at(-1) ?? -1
  let after = last
  const add: { after: number; key: string; value: Json }[] = []
  for (const [key, item] of Object.entries(value)) {
    const row = own.get(key)
    if (row !== undefined) after = row
    else if (!keepMerge || !equal(property(old, key), item))
      add.push({ after: withMerge(rows, after), key, value: item })
  }
  return { keep, remove, add }
}

/** Below `<<`, so that readers for which the last one wins agree. */
function withMerge(rows: readonly Pick<Row, 'merge'>[], after: number): number {
  return Math.max(after, after < 0 ? -1 : rows.findLastIndex(({ merge }) => merge))
}

/** Items are the same by name where they have one, else by value; values between two same ones are changed in place. */
export function planSequence(old: readonly Json[], value: readonly Json[]): EditPlan {
  const pairs = matches(old.map(identity), value.map(identity))
  const keep: { row: number; old: Json; value: Json }[] = []
  const add: { after: number; key: string; value: Json }[] = []
  const kept = new Set<number>()
  let [row, index, after] = [0, 0, -1]
  const take = (oldRow: number, newIndex: number) => {
    keep.push({ row: oldRow, old: old[oldRow] ?? null, value: value[newIndex] ?? null })
    kept.add(oldRow)
    after = oldRow
  }
  for (const [oldRow, newIndex] of [...pairs, [old.length, value.length] as const]) {
    while (row < oldRow && index < newIndex && replaceable(old[row], value[index])) take(row++, index++)
    for (; index < newIndex; index++) add.push({ after, key: '', value: value[index] ?? null })
    if (oldRow < old.length) take(oldRow, newIndex)
    row = oldRow + 1
    index = newIndex + 1
  }
  return { keep, add, remove: old.map((_, i) => i).filter((i) => !kept.has(i)) }
}

function replaceable(old: Json | undefined, value: Json | undefined): boolean {
  return identity(old ?? null).startsWith('=') && identity(value ?? null).startsWith('=')
}

/** Containers, volumes and env go by name; the items of a List by kind, namespace and name. */
function identity(item: Json): string {
  if (!isObject(item)) return `=${JSON.stringify(item)}`
  const metadata = item['metadata']
  if (isObject(metadata) && metadata['name'] !== undefined) {
    return `object ${JSON.stringify([item['kind'], metadata['namespace'], metadata['name']])}`
  }
  return typeof item['name'] === 'string' ? `name ${item['name']}` : `=${JSON.stringify(item)}`
}

/** Pairs of indexes of a longest common subsequence, after common ends are taken off: usually nothing is left to search. */
function matches(old: readonly string[], value: readonly string[]): [number, number][] {
  let head = 0
  while (head < old.length && head < value.length && old[head] === value[head]) head++
  let tail = 0
  while (tail < Math.min(old.length, value.length) - head && old.at(-1 - tail) === value.at(-1 - tail)) tail++
  const middle = longest(old.slice(head, old.length - tail), value.slice(head, value.length - tail))
  return [
    ...Array.from({ length: head }, (_, i): [number, number] => [i, i]),
    ...middle.map(([a, b]): [number, number] => [a + head, b + head]),
    ...Array.from({ length: tail }, (_, i): [number, number] => [old.length - tail + i, value.length - tail + i]),
  ]
}

function longest(a: readonly string[], b: readonly string[]): [number, number][] {
  // length[i][j] is that of the longest common subsequence of a from i and b from j.
  const length = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0))
  const at = (i: number, j: number) => length[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    const line = length[i] ?? []
    for (let j = b.length - 1; j >= 0; j--)
      line[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  }
  const pairs: [number, number][] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++])
    else if (at(i + 1, j) >= at(i, j + 1)) i++
    else j++
  }
  return pairs
}

function property(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}
