import assert from 'node:assert/strict'
import type { InjectionDecision } from '../../../src/injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../../../src/json.ts'
import { INIT_CONTAINER } from '../../../src/names.ts'

/** Real objects for tests, and ways to change in them what matters. Nothing here changes what it is given. */

type Key = string | number

/** The article's Deployment, without a strategy, with the annotations given. */
export function flask(annotations: Readonly<Record<string, string>> = { 'migrate.io/command': 'flask db upgrade' }) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'flask', labels: { app: 'flask' }, annotations },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'flask' } },
      template: {
        metadata: { labels: { app: 'flask' } },
        spec: {
          containers: [
            { name: 'flask', image: 'docker.io/project/my-flask-app:1', ports: [{ containerPort: 5000 }] },
          ] as Json[],
        },
      },
    },
  } satisfies JsonObject
}

/** What stands at a path; undefined where nothing does. */
export function at(value: Json | undefined, ...path: readonly Key[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => {
    if (Array.isArray(inner)) return (inner as readonly Json[])[Number(key)]
    return isObject(inner) && Object.hasOwn(inner, key) ? inner[String(key)] : undefined
  }, value)
}

/** The same with another value at a path, whose parents are made where they are missing. undefined takes it out. */
export function put(value: Json | undefined, path: readonly Key[], leaf: Json | undefined): JsonObject {
  return putAny(value, path, leaf) as JsonObject
}

function putAny(value: Json | undefined, path: readonly Key[], leaf: Json | undefined): Json | undefined {
  const [key, ...rest] = path
  if (key === undefined) return leaf
  const inner = putAny(at(value, key), rest, leaf)
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    return inner === undefined ? items.toSpliced(Number(key), 1) : items.toSpliced(Number(key), 1, inner)
  }
  const entries = Object.entries(isObject(value) ? value : {})
  const isThere = entries.some(([k]) => k === key)
  const others = entries.flatMap(([k, v]): [string, Json][] =>
    k !== key ? [[k, v]] : inner === undefined ? [] : [[k, inner]],
  )
  return Object.fromEntries(isThere || inner === undefined ? others : [...others, [String(key), inner]])
}

export const POD = ['spec', 'template', 'spec'] as const
export const ANNOTATIONS = ['metadata', 'annotations'] as const

export function annotate(
  deployment: JsonObject,
  annotations: Readonly<Record<string, string | undefined>>,
): JsonObject {
  return Object.entries(annotations).reduce<JsonObject>(
    (object, [key, value]) => put(object, [...ANNOTATIONS, key], value),
    deployment,
  )
}

export function list(value: Json | undefined, ...path: readonly Key[]): readonly JsonObject[] {
  const found = at(value, ...path)
  return Array.isArray(found) ? (found as readonly JsonObject[]) : []
}

/** Our init containers in a Deployment. */
export function copies(deployment: JsonObject): readonly JsonObject[] {
  return list(deployment, ...POD, 'initContainers').filter(({ name }) => name === INIT_CONTAINER)
}

/** The only one. */
export function migration(deployment: JsonObject): JsonObject {
  const found = copies(deployment)
  assert.equal(found.length, 1, `${found.length} copies of our init container`)
  return found[0] as JsonObject
}

/** What is to be stored; fails where it was refused. */
export function stored(decision: InjectionDecision): JsonObject {
  if (decision.kind === 'refused') assert.fail(`refused: ${decision.problems.join('; ')}`)
  return decision.deployment
}

/** The problems of a refusal; fails where it was not refused. */
export function refusal(decision: InjectionDecision): readonly string[] {
  if (decision.kind !== 'refused') assert.fail(`not refused, but ${decision.kind}`)
  return decision.problems
}

/** Freezes a value all the way down, so that whoever changes it throws. */
export function deepFreeze<T extends Json>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner as Json)
    Object.freeze(value)
  }
  return value
}

const generations = new WeakMap<JsonObject, number>()
let lastGeneration = 0

/** The object as the API server stores it: with a generation, which no two stored objects share. */
export function asStored(object: JsonObject): JsonObject {
  const generation = generations.get(object) ?? ++lastGeneration
  generations.set(object, generation)
  return put(object, ['metadata', 'generation'], generation)
}

/** Without the record, which may also say in which request it was made. */
export function withoutRecord(object: JsonObject): JsonObject {
  return annotate(object, { 'migrate.io/injected': undefined })
}
