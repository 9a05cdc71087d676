import type { Deployment } from './deployment.ts'
import { equal, isObject, type Json, type JsonObject } from './json.ts'
import { PREFIX } from './names.ts'
import type { Plan } from './plan.ts'
import type { InjectedRecord } from './record.ts'
import type { Sides } from './sides.ts'
import { chooseStrategy, isArticle } from './strategy.ts'

/** The two fields of a Deployment's spec that an injection may set. `undefined` is an absent field. */
export interface Rollout {
  readonly strategy: Json | undefined
  readonly progressDeadlineSeconds: Json | undefined
}

/** What the API server fills in. Rule: apps/v1 DeploymentSpec. */
const DEFAULT_DEADLINE_SECONDS = 600
/** What a rollout may take beside its migration. */
const BEYOND_TIMEOUT_SECONDS = 600

/**
 * What the user states, with what was put in its place taken back. Which record says what that was (docs/adr/0001):
 *
 * | request                          | the record that counts                                            |
 * |----------------------------------|-------------------------------------------------------------------|
 * | CREATE                           | the object's own, where the field still is what we would set      |
 * | UPDATE, asked a second time      | the object's own, which we wrote the first time                   |
 * | UPDATE, field as it is stored    | the stored object's: `rollout undo` brings others from the past   |
 * | UPDATE, field changed            | none: it is the user's word                                       |
 *
 * @param timeout seconds, where the object is to be injected
 */
export function statedRollout(sides: Sides, timeout: number | undefined): Rollout {
  const { before, now, record, claimed } = sides
  const { strategy, progressDeadlineSeconds } = now.spec
  if (before === undefined) {
    const isOurDeadline = timeout === undefined || progressDeadlineSeconds === timeout + BEYOND_TIMEOUT_SECONDS
    return {
      strategy: isArticle(strategy) ? restored(claimed, 'strategy', strategy) : strategy,
      progressDeadlineSeconds: isOurDeadline
        ? restored(claimed, 'progressDeadlineSeconds', progressDeadlineSeconds)
        : progressDeadlineSeconds,
    }
  }
  const isSecondTime = claimed?.generation !== undefined && claimed.generation === before.metadata.generation
  if (isSecondTime)
    return {
      strategy: restored(claimed, 'strategy', strategy),
      progressDeadlineSeconds: restored(claimed, 'progressDeadlineSeconds', progressDeadlineSeconds),
    }
  const isDeadlineStored = equal(progressDeadlineSeconds, before.spec.progressDeadlineSeconds)
  return {
    strategy: statedStrategy(now, before, record),
    progressDeadlineSeconds: isDeadlineStored
      ? restored(record, 'progressDeadlineSeconds', progressDeadlineSeconds)
      : progressDeadlineSeconds,
  }
}

function restored(record: InjectedRecord | undefined, field: keyof Rollout, value: Json | undefined): Json | undefined {
  const own = record?.[field]
  if (own === undefined) return value
  return own === null ? undefined : own
}

function statedStrategy(now: Deployment, before: Deployment, record: InjectedRecord | undefined): Json | undefined {
  const { strategy } = now.spec
  if (equal(strategy, before.spec.strategy)) return restored(record, 'strategy', strategy)
  const own = record?.strategy
  if (own === undefined || !isObject(strategy ?? null)) return strategy
  // Fields of ours that a merge (server-side apply, kubectl's three-way one) left standing beside the user's words are
  // not theirs. Where `rolling` hides those words, any may be; elsewhere only what Recreate can't have.
  const isMerged = [now, before].some(({ metadata }) => metadata.annotations?.[`${PREFIX}strategy`] === 'rolling')
  const isRecreate = (strategy as JsonObject)['type'] === 'Recreate'
  if (!isMerged && !isRecreate) return strategy
  const stated = unmerge(strategy as JsonObject, before.spec.strategy ?? {}, own ?? {})
  return equal(stated, own) ? (own ?? undefined) : stated
}

/** `value`, with each leaf that is the same in `stored` as it is in `own`. */
function unmerge(value: JsonObject, stored: JsonObject, own: JsonObject): JsonObject {
  const entries = [...new Set([...Object.keys(own), ...Object.keys(value)])].flatMap((key): [string, Json][] => {
    const [theirs, kept, was] = [value[key], stored[key], own[key]]
    if (theirs === undefined) return []
    if (isObject(theirs)) {
      const inner = unmerge(
        theirs,
        isObject(kept ?? null) ? (kept as JsonObject) : {},
        isObject(was ?? null) ? (was as JsonObject) : {},
      )
      const isEmptied = Object.keys(inner).length === 0 && Object.keys(theirs).length > 0
      return isEmptied ? [] : [[key, inner]]
    }
    if (!equal(theirs, kept)) return [[key, theirs]]
    return was === undefined ? [] : [[key, was]]
  })
  return Object.fromEntries(entries)
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
