import type { Json, JsonObject } from '../../src/json.ts'

/** Lists that the API server merges by key, and their keys, as in the OpenAPI schema of apps/v1. Other lists are one field. */
const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  ports: ['containerPort', 'protocol'],
  conditions: ['type'],
}

/** Objects that are one field in that schema (`x-kubernetes-map-type: atomic`). */
const ATOMIC = new Set(['selector', 'secretKeyRef'])

/** The field set of a value in the form of `fieldsV1` (structured-merge-diff): `f:` a field, `k:` a list's element, `.` itself. */
export function fieldsOf(value: JsonObject): Record<string, Json> {
  const fields: Record<string, Json> = {}
  for (const [key, child] of Object.entries(value)) fields[`f:${key}`] = fieldsUnder(key, child)
  return fields
}

function fieldsUnder(key: string, value: Json): Json {
  if (Array.isArray(value)) {
    const keys = LIST_KEYS[key]
    return keys === undefined ? {} : Object.fromEntries(value.map((element) => fieldsOfElement(keys, element)))
  }
  if (value === null || typeof value !== 'object' || ATOMIC.has(key)) return {}
  return fieldsOf(value as JsonObject)
}

function fieldsOfElement(keys: readonly string[], element: Json): [string, Json] {
  const object = element as JsonObject
  const identity = Object.fromEntries(keys.map((key) => [key, object[key] ?? '']))
  return [`k:${JSON.stringify(identity)}`, { '.': {}, ...fieldsOf(object) }]
}
