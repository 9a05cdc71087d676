import { readFileSync } from 'node:fs'
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml'
import type { Generated } from '../generated.ts'
import { root } from '../root.ts'
import { allowedAt } from './chart-schema.ts'
import { code, page, table } from './markdown.ts'

/** One value that can be set. */
interface Value {
  readonly path: string
  readonly otherwise: string
  readonly says: string
}

/** The chart's values: names, defaults and comments of values.yaml, and what the schema allows. */
export function chartValuesPage(): Generated {
  const { contents } = parseDocument(readFileSync(`${root}/deploy/chart/values.yaml`, 'utf8'))
  if (!isMap(contents)) throw new Error('deploy/chart/values.yaml is no mapping')
  const sections = pairsOf(contents).map((pair) => {
    const name = keyOf(pair)
    const says = commentOf(contents, pair)
    const values = isSection(pair) ? valuesIn(pair.value, name) : [settingOf(contents, pair, name)]
    return { name, says: isSection(pair) ? says : '', values }
  })
  const general = sections.filter(({ values, name }) => values[0]?.path === name).flatMap(({ values }) => values)
  const others = sections.filter(({ values, name }) => values[0]?.path !== name)
  return page(
    'chart-values',
    'deploy/chart/values.yaml and values.schema.json',
    '# Values of the chart',
    'For `helm install migrate-io deploy/chart --set NAME=VALUE`, or in a file for `--values`. One that does not exist, or has another form, is refused.',
    rowsOf(general),
    ...others.flatMap(({ name, says, values }) => [`## ${name}`, ...(says === '' ? [] : [says]), rowsOf(values)]),
  )
}

function rowsOf(values: readonly Value[]): string {
  return table(
    ['value', 'default', 'allowed', 'what it does'],
    values.map(({ path, otherwise, says }) => [code(path), code(otherwise), allowedAt(path), says]),
  )
}

function valuesIn(map: YAMLMap, prefix: string): readonly Value[] {
  return pairsOf(map).flatMap((pair) => {
    const path = `${prefix}.${keyOf(pair)}`
    return isSection(pair) ? valuesIn(pair.value, path) : [settingOf(map, pair, path)]
  })
}

function settingOf(map: YAMLMap, pair: Pair, path: string): Value {
  const { value } = pair as { value: { toJSON(): unknown } | null }
  return { path, otherwise: JSON.stringify(value?.toJSON() ?? null), says: commentOf(map, pair) }
}

const WHOLE = ['resources', 'nodeSelector']

/** A mapping with values of its own: an empty one is a value. Some are one value as a whole, as people set them. */
function isSection(pair: Pair): pair is Pair & { value: YAMLMap } {
  return isMap(pair.value) && pair.value.items.length > 0 && !WHOLE.includes(keyOf(pair))
}

function pairsOf(map: YAMLMap): readonly Pair[] {
  return map.items as readonly Pair[]
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : String(key)
}

/** The comment above a key; above the first one, the parser has it on the mapping. */
function commentOf(map: YAMLMap, pair: Pair): string {
  const own = isScalar(pair.key) ? pair.key.commentBefore : undefined
  const text = own ?? (map.items[0] === pair ? map.commentBefore : undefined) ?? ''
  return text
    .split('\n')
    .map((line) => line.trim())
    .join(' ')
    .trim()
}
