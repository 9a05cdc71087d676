import { isObject, type Json, type JsonObject } from '../json.ts'
import type { Settings } from './annotations.ts'
import { quote } from './problem.ts'

/** What the API server fills in where a manifest states nothing. */
const DEFAULT_PERCENTAGE = '25%'

/**
 * The strategy of the article: one new pod at a time, while one old pod is gone. With at most one replica that pod is
 * the only one, and would be gone for the whole migration: then none goes.
 */
export function articleStrategy(replicas: number): JsonObject {
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: replicas <= 1 ? 0 : 1 } }
}

/**
 * The strategy to store, given the one that the user states (null or undefined: none).
 *
 * | migrate.io/strategy | the manifest states | stored       |
 * |---------------------|---------------------|--------------|
 * | absent              | nothing, or 25 %    | the article's |
 * | absent              | its own             | its own       |
 * | rolling             | anything            | the article's |
 * | keep                | anything            | as stated     |
 */
export function chooseStrategy(
  stated: Json | undefined,
  mode: Settings['strategy'],
  replicas: number,
): { readonly strategy: Json | undefined; readonly warnings: readonly string[] } {
  const article = articleStrategy(replicas)
  if (mode === 'rolling' || (mode === undefined && isDefault(stated))) {
    // The same strategy in the user's own words stays in them.
    return { strategy: isSameStrategy(stated, article) ? stated : article, warnings: [] }
  }
  if (mode === 'keep' || isSameStrategy(stated, article)) return { strategy: stated, warnings: [] }
  return { strategy: stated, warnings: [ownStrategyWarning(stated, replicas)] }
}

function ownStrategyWarning(stated: Json | undefined, replicas: number): string {
  const { maxUnavailable } = rollingUpdate(stated)
  const stays = `spec.strategy (${describe(stated)}) stays as it is; set migrate.io/strategy to rolling for maxSurge 1 and maxUnavailable ${replicas <= 1 ? 0 : 1}, or to keep to silence this`
  const isRecreate = isObject(stated ?? null) && (stated as JsonObject)['type'] === 'Recreate'
  if (isRecreate) return `${stays}. All old pods end before the migration starts`
  if (replicas === 1 && maxUnavailable === 1) return `${stays}. The only pod ends before the migration starts`
  return stays
}

function describe(stated: Json | undefined): string {
  if (!isObject(stated ?? null)) return 'none'
  const { maxSurge, maxUnavailable } = rollingUpdate(stated)
  const type = (stated as JsonObject)['type'] ?? 'RollingUpdate'
  if (type !== 'RollingUpdate') return typeof type === 'string' ? type : quote(type)
  const [surge, unavailable] = [maxSurge, maxUnavailable].map((value) =>
    typeof value === 'object' ? quote(value) : `${value}`,
  )
  return `maxSurge ${surge}, maxUnavailable ${unavailable}`
}

function isDefault(stated: Json | undefined): boolean {
  if (stated === undefined || stated === null) return true
  if (!isRollingUpdate(stated)) return false
  const { maxSurge, maxUnavailable } = rollingUpdate(stated)
  return maxSurge === DEFAULT_PERCENTAGE && maxUnavailable === DEFAULT_PERCENTAGE
}

export function isSameStrategy(stated: Json | undefined, article: JsonObject): boolean {
  if (stated === undefined || stated === null || !isRollingUpdate(stated)) return false
  const [a, b] = [rollingUpdate(stated), rollingUpdate(article)]
  return a.maxSurge === b.maxSurge && a.maxUnavailable === b.maxUnavailable
}

/** Whether a stored strategy may be one that was put there, for whatever number of replicas. */
export function isArticle(strategy: Json | undefined): boolean {
  return isSameStrategy(strategy, articleStrategy(1)) || isSameStrategy(strategy, articleStrategy(2))
}

function isRollingUpdate(strategy: Json): boolean {
  return isObject(strategy) && (strategy['type'] ?? 'RollingUpdate') === 'RollingUpdate'
}

function rollingUpdate(strategy: Json | undefined): { readonly maxSurge: Json; readonly maxUnavailable: Json } {
  const own = isObject(strategy ?? null) ? (strategy as JsonObject)['rollingUpdate'] : undefined
  const { maxSurge, maxUnavailable } = isObject(own ?? null) ? (own as JsonObject) : {}
  return { maxSurge: maxSurge ?? DEFAULT_PERCENTAGE, maxUnavailable: maxUnavailable ?? DEFAULT_PERCENTAGE }
}
