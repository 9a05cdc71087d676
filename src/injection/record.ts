import { equal, isObject, type Json, type JsonObject, without } from '../json.ts'
import { INJECTED_ANNOTATION } from '../names.ts'
import type { DeploymentObject, StringMap } from './deployment.ts'
import { type EmptyFields, isEmpty } from './parts.ts'

/** Of keys and values together. Rule: k8s.io/apimachinery/pkg/api/validation, TotalAnnotationSizeLimitB. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024
const MAX_BYTES_OF_CHARACTER = 3 // of a UTF-16 code unit in UTF-8

/** What `migrate.io/injected` holds: who injected, what was copied, and what has to be put back when it is taken off. */
export interface InjectedRecord {
  readonly version: string
  readonly container: string
  /** Of the stored object that the request which wrote this replaced: tells a second call for it from an undo. */
  readonly generation?: number
  /** The user's own, where ours stands in its place; null where the manifest states none. */
  readonly strategy?: JsonObject | null
  readonly progressDeadlineSeconds?: number | null
  /** What the init container has from the app's, by key; see docs/adr/0010. Absent: unknown. */
  readonly copied?: JsonObject
  /** What the manifest states with nothing in it, and that is not empty any more. */
  readonly empty?: EmptyFields
}

/** The record on a Deployment; undefined where there is none, or somebody made it unreadable. */
export function readInjectedRecord(deployment: DeploymentObject): InjectedRecord | undefined {
  const text = deployment.metadata.annotations?.[INJECTED_ANNOTATION]
  if (text === undefined) return undefined
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  if (!isObject(value)) return undefined
  const { version, container, generation, strategy, progressDeadlineSeconds, copied, empty } = value
  const isRight =
    typeof version === 'string' &&
    typeof container === 'string' &&
    (generation === undefined || Number.isInteger(generation)) &&
    (strategy === undefined || strategy === null || isObject(strategy)) &&
    (progressDeadlineSeconds === undefined ||
      progressDeadlineSeconds === null ||
      Number.isInteger(progressDeadlineSeconds)) &&
    (empty === undefined || (isObject(empty) && Object.values(empty).every(isEmpty)))
  if (!isRight) return undefined
  return (copied === undefined || isObject(copied) ? value : without(value, 'copied')) as unknown as InjectedRecord
}

/**
 * The record's text beside the Deployment's other annotations. What was copied is left out where all together would be
 * more than the API server takes: the Deployment is not to be refused for it.
 */
export function formatInjectedRecord(record: InjectedRecord, annotations: StringMap | null | undefined): string {
  const { version, container, generation, strategy, progressDeadlineSeconds, copied, empty } = record
  const short = { version, container, generation, strategy, progressDeadlineSeconds, empty }
  if (copied === undefined) return JSON.stringify(short)
  const text = JSON.stringify({ ...short, copied })
  return areTooLong(annotations ?? {}, text) ? JSON.stringify(short) : text
}

/** Whether this record makes a Deployment's annotations longer than the API server takes. */
function areTooLong(annotations: StringMap, record: string): boolean {
  const keys = Object.keys(annotations).filter((key) => key !== INJECTED_ANNOTATION)
  let characters = INJECTED_ANNOTATION.length + record.length
  for (const key of keys) characters += key.length + (annotations[key] ?? '').length
  if (characters * MAX_BYTES_OF_CHARACTER <= MAX_ANNOTATIONS_BYTES) return false
  const texts = keys.flatMap((key) => [key, annotations[key] ?? ''])
  const bytes = [INJECTED_ANNOTATION, record, ...texts].map((text) => Buffer.byteLength(text))
  return bytes.reduce((sum, each) => sum + each, 0) > MAX_ANNOTATIONS_BYTES
}

/** Whether two records say the same of a stored object, in which nothing is empty, for whatever generation. */
export function isSameRecord(a: InjectedRecord, b: InjectedRecord): boolean {
  return (
    a.version === b.version &&
    a.container === b.container &&
    a.progressDeadlineSeconds === b.progressDeadlineSeconds &&
    equal(a.strategy, b.strategy) &&
    equal(a.copied, b.copied)
  )
}
