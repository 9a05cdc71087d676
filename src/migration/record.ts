import type { Deployment } from './deployment.ts'
import { isObject, type Json, type JsonObject } from './json.ts'
import { INJECTED_ANNOTATION } from './names.ts'

/** What `migrate.io/injected` holds: who injected, and what has to be put back when it is taken off. */
export interface InjectedRecord {
  readonly version: string
  readonly container: string
  /** The user's own, where ours stands in its place; null where the manifest states none. */
  readonly strategy?: JsonObject | null
  readonly progressDeadlineSeconds?: number | null
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
  const { version, container, strategy, progressDeadlineSeconds } = value
  const isRight =
    typeof version === 'string' &&
    typeof container === 'string' &&
    (strategy === undefined || strategy === null || isObject(strategy)) &&
    (progressDeadlineSeconds === undefined ||
      progressDeadlineSeconds === null ||
      Number.isInteger(progressDeadlineSeconds))
  return isRight ? (value as unknown as InjectedRecord) : undefined
}

export function formatRecord({ version, container, strategy, progressDeadlineSeconds }: InjectedRecord): string {
  return JSON.stringify({ version, container, strategy, progressDeadlineSeconds })
}
