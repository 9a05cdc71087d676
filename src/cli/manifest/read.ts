import { isAlias, isNode, isScalar, LineCounter, Parser, visit } from 'yaml'
import { isObject, type Json, type JsonObject } from '../../json.ts'
import { MAX_ALIAS_COUNT, type ParsedDocument, parseYaml, plainJson } from './kubernetes-yaml.ts'
import { collectionAsKey, explainYamlError, unknownAlias, unresolvable } from './manifest-error.ts'

/** One YAML or JSON document of a file. */
export interface ManifestDocument {
  /** Its part of the file, byte for byte, with `---`, comments and line ends. */
  readonly text: string
  /** As Kubernetes would read it; null where the document is empty. */
  readonly value: Json
  /** For people: `document 2`. */
  readonly place: string
  /** Where its content begins in the file, from 1. */
  readonly line: number
  readonly deployments: readonly FoundObject[]
  /** All else: the document itself, or the items of a List. */
  readonly others: readonly FoundObject[]
}

/** An object in a document. */
export interface FoundObject {
  readonly value: JsonObject
  /** Its way into the document's value: [] for the document itself, ['items', i] in a List. */
  readonly path: readonly [] | readonly ['items', number]
  /** For people: `document 2, items[1]`. */
  readonly place: string
  readonly line: number
}

/**
 * Reads all documents of a manifest. Values are as Kubernetes reads them (see kubernetes-yaml.ts); `writeManifest` of the
 * unchanged documents gives the same bytes back.
 * @throws ManifestError for the first thing that is not valid: syntax, duplicate keys, unknown aliases, maps as keys
 */
export function readManifest(text: string): ManifestDocument[] {
  const lines = linesOf(text)
  return split(text).map((slice, i) => readDocument({ text, lines }, slice, `document ${i + 1}`))
}

/** A whole file. */
interface File {
  readonly text: string
  readonly lines: LineCounter
}

/** One document's part of a file, and where that part begins. */
interface Slice {
  readonly text: string
  readonly offset: number
}

/**
 * Cuts a file into its documents. Joined again, the slices are the file, byte for byte: each keeps its `---`, `...`, comments,
 * directives, byte order mark and line ends. A file of nothing but comments is one slice, an empty file none.
 */
function split(text: string): Slice[] {
  const starts = documentStarts(text)
  return starts.map((offset, i) => ({ offset, text: text.slice(offset, starts[i + 1] ?? text.length) }))
}

/** What stands between `...` and a document (directives, comments) belongs to that document. */
function documentStarts(text: string): number[] {
  const starts: number[] = []
  let pending: number | undefined = 0
  for (const token of new Parser().parse(text)) {
    if (token.type === 'document') {
      starts.push(pending ?? token.offset)
      pending = undefined
    } else if (token.type === 'doc-end') {
      pending = endOfLine(text, token.offset)
    }
  }
  if (starts.length === 0 && text !== '') starts.push(0)
  return starts
}

function endOfLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset)
  return newline === -1 ? text.length : newline + 1
}

function linesOf(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (const newline of text.matchAll(/\n/g)) lines.addNewLine(newline.index + 1)
  return lines
}

function readDocument(file: File, slice: Slice, place: string): ManifestDocument {
  const yaml = parseYaml(slice.text)
  const value = checkedValue(file.text, slice, yaml)
  const lineOf = (offset: number) => file.lines.linePos(slice.offset + offset).line
  const line = lineOf(yaml.contents?.range[0] ?? 0)
  const located = ({ value, path }: Found): FoundObject => {
    if (path.length === 0) return { value, path, place, line }
    const [, index] = path
    const node = yaml.getIn(path, true)
    const start = isNode(node) ? node.range?.[0] : undefined
    return { value, path, place: `${place}, items[${index}]`, line: start === undefined ? line : lineOf(start) }
  }
  const found = findObjects(value)
  const [deployments, others] = [true, false].map((is) => found.filter(({ isServed }) => isServed === is).map(located))
  return { text: slice.text, value, place, line, deployments: deployments ?? [], others: others ?? [] }
}

function checkedValue(file: string, slice: Slice, yaml: ParsedDocument): Json {
  const [error] = yaml.errors
  if (error) throw explainYamlError(error, file, slice.offset + error.pos[0])
  const anchors = new Set<string>()
  visit(yaml, {
    Pair(_, { key }) {
      if (isNode(key) && !isScalar(key) && !isAlias(key))
        throw collectionAsKey(file, slice.offset + (key.range?.[0] ?? 0))
    },
    Alias(_, { source, range }) {
      if (!anchors.has(source)) throw unknownAlias(file, slice.offset + (range?.[0] ?? 0))
    },
    Value(_, { anchor }) {
      if (anchor) anchors.add(anchor)
    },
  })
  try {
    return plainJson(yaml.toJS({ maxAliasCount: MAX_ALIAS_COUNT }))
  } catch (cause) {
    throw unresolvable(cause, file, slice.offset + (yaml.contents?.range[0] ?? 0))
  }
}

interface Found extends Pick<FoundObject, 'value' | 'path'> {
  /** Whether it is an apps/v1 Deployment. */
  readonly isServed: boolean
}

/** Lists in lists are left alone. The items of a DeploymentList need no kind, as the API server leaves it out there. */
function findObjects(value: Json): Found[] {
  if (!isObject(value)) return []
  const typed = value['kind'] === 'DeploymentList' && value['apiVersion'] === 'apps/v1'
  if (!typed && !(value['kind'] === 'List' && value['apiVersion'] === 'v1'))
    return [{ value, path: [], isServed: isDeployment(value) }]
  const items = Array.isArray(value['items']) ? value['items'] : []
  return items.flatMap((item, i): Found[] => {
    if (!isObject(item)) return []
    const bare = typed && item['kind'] === undefined && item['apiVersion'] === undefined
    return [{ value: item, path: ['items', i], isServed: bare || isDeployment(item) }]
  })
}

function isDeployment(value: JsonObject): boolean {
  return value['apiVersion'] === 'apps/v1' && value['kind'] === 'Deployment'
}
