import { equal, isObject, type Json, type JsonObject, without } from '../json.ts'
import { PREFIX } from '../names.ts'
import type { Settings } from './annotations.ts'
import type { DeploymentObject } from './deployment.ts'
import type { Plan } from './plan.ts'
import { quote } from './reasons.ts'
import type { InjectedRecord } from './record.ts'
import type { Sides } from './sides.ts'
import { timeoutOf } from './wrapper.ts'

/** What the API server fills in where a manifest states nothing. */
const DEFAULT_PERCENTAGE = '25%'
/** What the API server fills in. Rule: apps/v1 DeploymentSpec. */
const DEFAULT_DEADLINE_SECONDS = 600
/** What a rollout may take beside its migration. */
const BEYOND_TIMEOUT_SECONDS = 600

/** The two fields of a Deployment's spec that an injection may set. `undefined` is an absent field. */
export interface Rollout {
  readonly strategy: Json | undefined
  readonly progressDeadlineSeconds: Json | undefined
}

/** What to store for a plan, given what the user states. */
export function plannedRollout(
  user: Rollout,
  plan: Plan,
  replicas: number,
): { readonly rollout: Rollout; readonly warnings: readonly string[] } {
  const { strategy, warnings } = chooseStrategy(user.strategy, plan.strategy, replicas)
  const deadline = Number(user.progressDeadlineSeconds ?? DEFAULT_DEADLINE_SECONDS)
  if (plan.timeout === undefined || plan.timeout <= deadline)
    return { rollout: { strategy, progressDeadlineSeconds: user.progressDeadlineSeconds }, warnings }
  const progressDeadlineSeconds = plan.timeout + BEYOND_TIMEOUT_SECONDS
  const raised = `spec.progressDeadlineSeconds is raised from ${deadline} to ${progressDeadlineSeconds}, since migrate.io/timeout allows one run ${plan.timeout} s`
  return { rollout: { strategy, progressDeadlineSeconds }, warnings: [...warnings, raised] }
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
function chooseStrategy(
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

/**
 * The strategy of the article: one new pod at a time, while one old pod is gone. With at most one replica that pod is
 * the only one, and would be gone for the whole migration: then none goes.
 */
function articleStrategy(replicas: number): JsonObject {
  return { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: replicas <= 1 ? 0 : 1 } }
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

function isSameStrategy(stated: Json | undefined, article: JsonObject): boolean {
  if (stated === undefined || stated === null || !isRollingUpdate(stated)) return false
  const [a, b] = [rollingUpdate(stated), rollingUpdate(article)]
  return a.maxSurge === b.maxSurge && a.maxUnavailable === b.maxUnavailable
}

function isRollingUpdate(strategy: Json): boolean {
  return isObject(strategy) && (strategy['type'] ?? 'RollingUpdate') === 'RollingUpdate'
}

function rollingUpdate(strategy: Json | undefined): { readonly maxSurge: Json; readonly maxUnavailable: Json } {
  const own = isObject(strategy ?? null) ? (strategy as JsonObject)['rollingUpdate'] : undefined
  const { maxSurge, maxUnavailable } = isObject(own ?? null) ? (own as JsonObject) : {}
  return { maxSurge: maxSurge ?? DEFAULT_PERCENTAGE, maxUnavailable: maxUnavailable ?? DEFAULT_PERCENTAGE }
}

/** The part of the record that says what was put in place of what the user states. */
export function replaced(
  user: Rollout,
  rollout: Rollout,
): Pick<InjectedRecord, 'strategy' | 'progressDeadlineSeconds'> {
  const fields = (['strategy', 'progressDeadlineSeconds'] as const).filter(
    (field) => !equal(user[field], rollout[field]),
  )
  return Object.fromEntries(fields.map((field) => [field, user[field] ?? null]))
}

/**
 * What the user states, with what was put in its place taken back. Which record says what that was (docs/adr/0001, 0010):
 *
 * | request                                     | the record that counts                                           |
 * |---------------------------------------------|------------------------------------------------------------------|
 * | CREATE, or into one that is not injected    | the object's own, where the field still is what an injection set  |
 * | UPDATE, asked a second time                 | the object's own, which we wrote the first time                  |
 * | UPDATE, field as it is stored               | the stored object's: `rollout undo` brings others from the past  |
 * | UPDATE of an injected one, field changed    | none: it is the user's word                                      |
 */
export function statedRollout(sides: Sides): Rollout {
  const { before, now, record, wasHeld } = sides
  const { strategy, progressDeadlineSeconds } = now.spec
  if (isSecondTime(sides))
    return {
      strategy: restored(sides.claimed, 'strategy', strategy),
      progressDeadlineSeconds: restored(sides.claimed, 'progressDeadlineSeconds', progressDeadlineSeconds),
    }
  const isStored = (field: keyof Rollout) => before !== undefined && equal(now.spec[field], before.spec[field])
  if (before === undefined || !wasHeld) {
    const own = statedInInjected(sides)
    return {
      strategy: isStored('strategy') ? strategy : own.strategy,
      progressDeadlineSeconds: isStored('progressDeadlineSeconds')
        ? progressDeadlineSeconds
        : own.progressDeadlineSeconds,
    }
  }
  return {
    strategy: statedStrategy(now, before, record),
    progressDeadlineSeconds: isStored('progressDeadlineSeconds')
      ? restored(record, 'progressDeadlineSeconds', progressDeadlineSeconds)
      : progressDeadlineSeconds,
  }
}

/** Whether the object went through an earlier round of the same admission. */
export function isSecondTime({ before, claimed }: Sides): boolean {
  return before !== undefined && claimed?.generation !== undefined && claimed.generation === before.metadata.generation
}

/** What the user states in an object that came with an injection in it, by its own record. */
function statedInInjected({ now, claimed }: Sides): Rollout {
  const { strategy, progressDeadlineSeconds, template } = now.spec
  // What the annotation says may be new, what stands in the init container goes with the deadline.
  const timeout = timeoutOf(template)
  const isOurs = timeout !== undefined && progressDeadlineSeconds === timeout + BEYOND_TIMEOUT_SECONDS
  return {
    strategy: isArticle(strategy) ? restored(claimed, 'strategy', strategy) : strategy,
    progressDeadlineSeconds: isOurs
      ? restored(claimed, 'progressDeadlineSeconds', progressDeadlineSeconds)
      : progressDeadlineSeconds,
  }
}

/** Whether a stored strategy may be one that was put there, for whatever number of replicas. */
function isArticle(strategy: Json | undefined): boolean {
  return isSameStrategy(strategy, articleStrategy(1)) || isSameStrategy(strategy, articleStrategy(2))
}

function restored(record: InjectedRecord | undefined, field: keyof Rollout, value: Json | undefined): Json | undefined {
  const own = record?.[field]
  if (own === undefined) return value
  return own === null ? undefined : own
}

function statedStrategy(
  now: DeploymentObject,
  before: DeploymentObject,
  record: InjectedRecord | undefined,
): Json | undefined {
  const { strategy } = now.spec
  if (equal(strategy, before.spec.strategy)) return restored(record, 'strategy', strategy)
  const own = record?.strategy
  if (own == null || !isObject(strategy ?? null)) return strategy
  const value = strategy as JsonObject
  const stored = before.spec.strategy ?? {}
  // Server-side apply and kubectl's three-way merge leave our fields standing beside the few that a manifest states.
  // Where `rolling` hides what the user states, each apply of the same manifest looks like a change.
  const isHidden = [now, before].some(({ metadata }) => metadata.annotations?.[`${PREFIX}strategy`] === 'rolling')
  if ((isHidden || value['type'] === 'Recreate') && restates(value, stored, own)) return own
  // Kubernetes refuses Recreate with a rollingUpdate, and nobody but us had set this one.
  const isLeftOver = value['type'] === 'Recreate' && equal(value['rollingUpdate'], stored['rollingUpdate'])
  return isLeftOver ? without(value, 'rollingUpdate') : value
}

/** Whether all that `value` changes in `stored` is what it is in `own`. */
function restates(value: JsonObject, stored: JsonObject, own: JsonObject): boolean {
  const inner = (parent: JsonObject, key: string) => (isObject(parent[key] ?? null) ? (parent[key] as JsonObject) : {})
  return Object.entries(value).every(([key, leaf]) =>
    isObject(leaf)
      ? restates(leaf, inner(stored, key), inner(own, key))
      : equal(leaf, stored[key]) || equal(leaf, own[key]),
  )
}
