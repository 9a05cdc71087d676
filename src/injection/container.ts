import { equal, isObject, type Json, type JsonObject } from '../json.ts'
import { INIT_CONTAINER } from '../names.ts'
import { escapeExpansion } from './command.ts'
import { COPIED, IDENTITY, itemKey, saysNothing } from './copied.ts'
import type { Container } from './deployment.ts'
import type { Plan } from './plan.ts'
import type { Wrapper } from './wrapper.ts'

/**
 * What is no addition to the init container: it would start the app early, or hold it back for ever; or, the first two, it is
 * the app's wherever the app has one.
 */
const NEVER_ADDED = new Set([
  ...['image', 'imagePullPolicy'],
  ...['command', 'args', 'restartPolicy', 'restartPolicyRules', 'resizePolicy', 'ports', 'lifecycle'],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'stdin', 'stdinOnce', 'tty'],
])

/** The init container for a plan. */
export function makeContainer(plan: Plan, wrapper: Wrapper): Container {
  const { command, volumeMounts, ...message } = wrapper
  const container: Record<string, Json> = { name: INIT_CONTAINER }
  for (const key of COPIED) if (plan.target[key] !== undefined) container[key] = plan.target[key]
  const limit = plan.timeout === undefined ? 'none' : String(plan.timeout)
  container['command'] = [...command, `timeout=${limit}`]
  container['args'] = plan.argv.map(escapeExpansion)
  container['volumeMounts'] = [...(plan.target.volumeMounts ?? []), ...volumeMounts]
  Object.assign(container, message)
  return container as Container
}

/**
 * The init container with what other webhooks added to the one that is there: whatever is neither in the fresh one nor
 * was ever copied from the app's container.
 * @param present the init container in the object as it came
 * @param copies what earlier injections copied into `present`, each by key or as the container that it came from
 */
export function keepAdditions(fresh: Container, present: Container, copies: readonly JsonObject[]): Container {
  return mergeObject(fresh, present, copies) as Container
}

function mergeObject(fresh: JsonObject, present: JsonObject, copies: readonly Json[]): JsonObject {
  const merged: Record<string, Json> = { ...fresh }
  for (const key of Object.keys(present)) {
    const theirs = present[key] ?? null
    if (NEVER_ADDED.has(key) || equal(fresh[key], theirs) || saysNothing(theirs)) continue
    const copied = copies.flatMap((each) => (isObject(each) && Object.hasOwn(each, key) ? [each[key] ?? null] : []))
    const wasCopied = copied.length > 0
    // What the user took away altogether may have had something of another webhook in it.
    const ours = fresh[key] ?? (wasCopied ? emptyLike(theirs) : undefined)
    if (ours === undefined) {
      if (!wasCopied) merged[key] = theirs
    } else if (Array.isArray(ours) && Array.isArray(theirs)) {
      const items = copied.flatMap((list) => (Array.isArray(list) ? (list as readonly Json[]) : []))
      merged[key] = mergeList(ours, theirs, items, IDENTITY[key])
    } else if (isObject(ours) && isObject(theirs)) {
      merged[key] = mergeObject(ours, theirs, copied)
    }
    if (fresh[key] === undefined && wasCopied && isEmpty(merged[key])) delete merged[key]
  }
  return merged
}

function emptyLike(value: Json): Json | undefined {
  if (Array.isArray(value)) return []
  return isObject(value) ? {} : undefined
}

function isEmpty(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function mergeList(
  fresh: readonly Json[],
  present: readonly Json[],
  copies: readonly Json[],
  identity: string | undefined,
): readonly Json[] {
  const id = (item: Json) => itemKey(item, identity)
  const [ours, copied] = [new Map(fresh.map((item) => [id(item), item])), new Set(copies.map(id))]
  const isAdded = (item: Json) => !ours.has(id(item)) && !copied.has(id(item)) && !saysNothing(item)
  const added = present.filter(isAdded)
  if (added.length === 0) return fresh
  // Where they stand now if that leaves our own order as it is, else at the end.
  const inPlace = present.flatMap((item) => (isAdded(item) ? [item] : (ours.get(id(item)) ?? [])))
  const isOurOrder = equal(
    inPlace.filter((item) => !isAdded(item)),
    fresh,
  )
  return isOurOrder ? inPlace : [...fresh, ...added]
}
