import { equal, type Json } from './json.ts'
import type { Plan } from './plan.ts'
import type { InjectedRecord } from './record.ts'
import type { Sides } from './sides.ts'
import { articleStrategy, chooseStrategy, isArticle, isSameStrategy } from './strategy.ts'

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
 * What the user states, with what was put in its place taken back.
 *
 * A field that this request leaves alone is the user's own unless the record on the stored object says otherwise: never
 * the record in the request, which `kubectl rollout undo` brings back from the past. A field that this request changes
 * is the user's word, unless it is just what an earlier round of the same admission would have set.
 * @param timeout seconds, where the object is to be injected
 */
export function statedRollout(sides: Sides, timeout: number | undefined): Rollout {
  const { before, now } = sides
  const isOurStrategy = (value: Json | undefined) =>
    before === undefined ? isArticle(value) : isSameStrategy(value, articleStrategy(now.spec.replicas ?? 1))
  const isOurDeadline = (value: Json | undefined) => timeout === undefined || value === timeout + BEYOND_TIMEOUT_SECONDS
  return {
    strategy: stated(sides, 'strategy', isOurStrategy),
    progressDeadlineSeconds: stated(sides, 'progressDeadlineSeconds', isOurDeadline),
  }
}

function stated(sides: Sides, field: keyof Rollout, isOurs: (value: Json | undefined) => boolean): Json | undefined {
  const { now, before, record, claimed } = sides
  const value = now.spec[field]
  const isUnchanged = before !== undefined && equal(value, before.spec[field])
  if (!isUnchanged && !isOurs(value)) return value
  const own = (isUnchanged ? record : claimed)?.[field]
  if (own === undefined) return value
  return own === null ? undefined : own
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
export function replaced(user: Rollout, rollout: Rollout): Omit<InjectedRecord, 'version' | 'container'> {
  const fields = (['strategy', 'progressDeadlineSeconds'] as const).filter(
    (field) => !equal(user[field], rollout[field]),
  )
  return Object.fromEntries(fields.map((field) => [field, user[field] ?? null]))
}
