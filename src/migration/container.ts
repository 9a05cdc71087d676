import { escapeExpansion } from './command.ts'
import type { Container } from './deployment.ts'
import { equal, isObject, type Json, type JsonObject } from './json.ts'
import { INIT_CONTAINER } from './names.ts'
import type { Plan } from './plan.ts'
import type { Wrapper } from './wrapper.ts'

/** What the init container takes over from the app's container, and nothing else of it. */
const COPIED = ['image', 'imagePullPolicy', 'env', 'envFrom', 'workingDir', 'resources', 'securityContext'] as const

/** What nobody may add to the init container: it would start the app early, or hold it back for ever. */
const NEVER_ADDED = new Set([
  ...['command', 'args', 'restartPolicy', 'restartPolicyRules', 'resizePolicy', 'ports', 'lifecycle'],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'stdin', 'stdinOnce', 'tty'],
])

/** Where a list's items have an identity, which field that is. Other items are the same if they are equal. */
const IDENTITY: Readonly<Record<string, string>> = { env: 'name', volumeMounts: 'mountPath' }

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
 * @param source the app's container that `present` may have been copied from; undefined if there was none
 */
export function keepAdditions(fresh: Container, present: Container, source: Container | undefined): Container {
  return mergeObject(fresh, present, source) as Container
}

function mergeObject(fresh: JsonObject, present: JsonObject, source: JsonObject | undefined): JsonObject {
  const merged: Record<string, Json> = { ...fresh }
  for (const key of Object.keys(present)) {
    const [theirs, copied] = [present[key] ?? null, source?.[key]]
    if (NEVER_ADDED.has(key) || equal(fresh[key], theirs)) continue
    // What the user took away altogether may have had something of another webhook in it.
    const ours = fresh[key] ?? (copied === undefined ? undefined : emptyLike(theirs))
    if (ours === undefined) {
      if (copied === undefined) merged[key] = theirs
    } else if (Array.isArray(ours) && Array.isArray(theirs)) {
      merged[key] = mergeList(ours, theirs, Array.isArray(copied) ? copied : [], IDENTITY[key])
    } else if (isObject(ours) && isObject(theirs)) {
      merged[key] = mergeObject(ours, theirs, isObject(copied) ? copied : undefined)
    }
    if (fresh[key] === undefined && copied !== undefined && isEmpty(merged[key])) delete merged[key]
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
  source: readonly Json[],
  identity: string | undefined,
): readonly Json[] {
  const id = (item: Json) => JSON.stringify((identity !== undefined && isObject(item) && item[identity]) || item)
  const [ours, copied] = [new Map(fresh.map((item) => [id(item), item])), new Set(source.map(id))]
  const isAdded = (item: Json) => !ours.has(id(item)) && !copied.has(id(item))
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
