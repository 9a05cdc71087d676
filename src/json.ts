/** A value as JSON has it: what the API server sends and what we send back. Never `undefined`. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether two values are the same JSON; the order of keys does not count. An absent value equals only an absent one. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i])) return false
    return true
  }
  return equalObjects(a as JsonObject, b as JsonObject)
}

function equalObjects(a: JsonObject, b: JsonObject): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  for (const key of keys) if (!Object.hasOwn(b, key) || !equal(a[key], b[key])) return false
  return true
}

/** `object` without `key`; the very same object where it has none. */
export function without<T extends JsonObject>(object: T, key: string): T {
  if (!Object.hasOwn(object, key)) return object
  const { [key]: _, ...rest } = object
  return rest as T
}

/** `object` with `key` set to this very value; the very same object where it has that. Costs nothing, unlike `set`. */
export function link<T extends JsonObject>(object: T, key: string, value: Json): T {
  return object[key] === value ? object : { ...object, [key]: value }
}

/** `object` with `key` set, or taken out where `value` is undefined; the very same object where nothing changes. */
export function set<T extends JsonObject>(object: T, key: string, value: Json | undefined): T {
  if (value === undefined) return without(object, key)
  if (Object.hasOwn(object, key) && equal(object[key], value)) return object
  return { ...object, [key]: value }
}
