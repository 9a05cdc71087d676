import type { InjectionDecision } from '../injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { editDocument, writeManifest } from './manifest/edit.ts'
import { ManifestError } from './manifest/manifest-error.ts'
import { type FoundObject, type ManifestDocument, readManifest } from './manifest/read.ts'
import type { Source } from './sources.ts'

/** One Deployment of a manifest, and what was decided about it. */
export interface Decided {
  /** `FILE, document 2 (line 14), Deployment shop/flask`. */
  readonly place: string
  readonly value: JsonObject
  readonly decision: InjectionDecision
}

/** An object that is no apps/v1 Deployment, and stays as it is. */
type Other = Pick<Decided, 'place' | 'value'>

export interface Transformed {
  readonly decided: readonly Decided[]
  readonly others: readonly Other[]
  /** The manifests with all that was decided in them. */
  readonly text: string
  /** Formatting or comments that could not be kept, a sentence each. */
  readonly losses: readonly string[]
}

/**
 * Decides about each Deployment in the sources and writes the outcome into their text. What is not decided to change
 * stays byte for byte.
 * @throws ManifestError, with the source's name in front, for the first manifest that can't be read
 */
export function transform(
  sources: readonly Source[],
  decide: (deployment: JsonObject) => InjectionDecision,
): Transformed {
  const decided: Decided[] = []
  const others: Other[] = []
  const losses: string[] = []
  const texts = sources.map(({ name, text }) =>
    naming(name, () => {
      const documents = readManifest(text).map((document) => {
        const here = document.deployments.map((found) => ({
          place: placeOf(name, found),
          value: found.value,
          decision: decide(found.value),
          path: found.path,
        }))
        decided.push(...here)
        others.push(...document.others.map((found) => ({ place: placeOf(name, found), value: found.value })))
        const { text: edited, way } = editDocument(document, valueWith(document, here))
        if (way === 'nodes' || way === 'value')
          losses.push(
            `${name}, ${document.place}: ${way === 'nodes' ? 'some formatting' : 'comments and formatting'} could not be kept`,
          )
        return { text: edited }
      })
      return writeManifest(documents)
    }),
  )
  return { decided, others, text: join(texts), losses }
}

function placeOf(name: string, { place, line, value }: FoundObject): string {
  const metadata = isObject(value['metadata'] ?? null) ? (value['metadata'] as JsonObject) : {}
  const kind = typeof value['kind'] === 'string' ? value['kind'] : 'Deployment'
  const title = [metadata['namespace'], metadata['name'] ?? `${metadata['generateName'] ?? ''}*`]
  return `${name}, ${place} (line ${line}), ${kind} ${title.filter((part) => typeof part === 'string').join('/')}`
}

function valueWith(
  document: ManifestDocument,
  decided: readonly { readonly path: FoundObject['path']; readonly decision: InjectionDecision }[],
): Json {
  let value = document.value
  for (const { path, decision } of decided) {
    if (decision.kind === 'refused') continue
    const [, index] = path
    if (index === undefined) value = decision.deployment
    else if (isObject(value) && Array.isArray(value['items']))
      value = { ...value, items: value['items'].with(index, decision.deployment) }
  }
  return value
}

function naming<T>(name: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error
    error.message = `${name}: ${error.message}`
    throw error
  }
}

/** Several files as one stream of documents. */
function join(texts: readonly string[]): string {
  return texts.reduce((all, text) => {
    if (all === '') return text
    return `${all}${all.endsWith('\n') ? '' : '\n'}${/^---(\s|$)/.test(text) ? '' : '---\n'}${text}`
  }, '')
}
