import type { Deployment } from './deployment.ts'
import { equal, isObject, type Json, type JsonObject } from './json.ts'
import { INJECTED_ANNOTATION } from './names.ts'
import { type EmptyFields, isEmpty } from './parts.ts'

/** What `migrate.io/injected` holds: who injected, and what has to be put back when it is taken off. */
export interface InjectedRecord {
  readonly version: string
  readonly container: string
  /** Of the stored object that the request which wrote this replaced: tells a second call for it from an undo. */
  readonly generation?: number
  /** The user's own, where ours stands in its place; null where the manifest states none. */
  readonly strategy?: JsonObject | null
  readonly progressDeadlineSeconds?: number | null
  /** What the manifest states with nothing in it, and that is not empty any more. */
  readonly empty?: EmptyFields
}

/** The record on a Deployment; undefined where there is none, or somebody made it unreadable. */
export function readRecord(deployment: Deployment): InjectedRecord | undefined {
  const text = deployment.metadata.annotations?.[INJECTED_ANNOTATION]
  if (text === undefined) return undefined
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  if (!isObject(value)) return undefined
  const { version, container, generation, strategy, progressDeadlineSeconds, empty } = value
  const isRight =
    typeof version === 'string' &&
    typeof container === 'string' &&
    (generation === undefined || Number.isInteger(generation)) &&
    (strategy === undefined || strategy === null || isObject(strategy)) &&
    (progressDeadlineSeconds === undefined ||
      progressDeadlineSeconds === null ||
      Number.isInteger(progressDeadlineSeconds)) &&
    (empty === undefined || (isObject(empty) && Object.values(empty).every(isEmpty)))
  return isRight ? (value as unknown as InjectedRecord) : undefined
}

export function formatRecord(record: InjectedRecord): string {
  const { version, container, generation, strategy, progressDeadlineSeconds, empty } = record
  return JSON.stringify({ version, container, generation, strategy, progressDeadlineSeconds, empty })
}

/** Whether two records say the same of a stored object, in which nothing is empty, for whatever generation. */
export function isSameRecord(a: InjectedRecord, b: InjectedRecord): boolean {
  return (
    a.version === b.version &&
    a.container === b.container &&
    a.progressDeadlineSeconds === b.progressDeadlineSeconds &&
    equal(a.strategy, b.strategy)
  )
}
