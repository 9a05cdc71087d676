import { equal, type JsonObject, link, set } from '../json.ts'
import { INJECTED_ANNOTATION, PREFIX, PROTOCOL_LABEL } from '../names.ts'
import { VERSION } from '../version.ts'
import { readSettings } from './annotations.ts'
import { keysOf, knownCopies } from './copied.ts'
import { type DeploymentObject, type PodTemplate, readDeployment } from './deployment.ts'
import { inject } from './inject.ts'
import { emptyFields, stripLabel, withEmptyFields } from './parts.ts'
import { makePlan, type Plan, stateProblems } from './plan.ts'
import { type InjectionReason, type Problem, problemText } from './reasons.ts'
import { formatInjectedRecord, type InjectedRecord, isSameRecord } from './record.ts'
import {
  areAnnotationsUnchanged,
  isRolloutUnchanged,
  isShapeUnchanged,
  isTemplateUnchanged,
  readSides,
  type Sides,
} from './sides.ts'
import { isSecondTime, plannedRollout, type Rollout, replaced, statedRollout } from './strategy.ts'
import { misplacedWarnings } from './warnings.ts'
import { findWrapper, fingerprint, PRESENT_WRAPPER, RELEASED, type Wrapper } from './wrapper.ts'

/** What somebody asks for: a Deployment to be stored, and the one that it replaces. */
export interface DeploymentChange {
  /** The Deployment as sent. */
  readonly object: JsonObject
  /** The stored Deployment that an UPDATE replaces; absent on CREATE. */
  readonly oldObject?: JsonObject
  /** Whether the namespace opted in. Outside, ours is only ever taken off. */
  readonly optedIn: boolean
}

/** What becomes of it. `warnings` and `problems` are whole sentences for the person who sent it. */
export type InjectionDecision =
  | {
      /** injected: made anew; kept: the injected parts stay as they were; stripped: ours was taken off; untouched. */
      readonly kind: 'injected' | 'kept' | 'stripped' | 'untouched'
      readonly reason: InjectionReason
      /** The Deployment to store. Shares every untouched part with `DeploymentChange.object`; the very same object if nothing changed. */
      readonly deployment: JsonObject
      readonly warnings: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly reason: InjectionReason
      readonly problems: readonly string[]
      readonly warnings: readonly string[]
    }

/** The wrapper to inject, and the fingerprints of those that were ever released. Tests stand in for another version here. */
export interface Wrappers {
  readonly wrapper: Wrapper
  readonly released: ReadonlySet<string>
}

/**
 * Decides what becomes of a Deployment that somebody wants stored.
 *
 * | opted in, with migrate.io/command | what changed                    | then                                  |
 * |-----------------------------------|---------------------------------|---------------------------------------|
 * | no                                | whatever                        | ours is taken off                     |
 * | yes                               | nothing of the user's           | the injected parts stay byte for byte |
 * | yes                               | it came with a released wrapper | it stays as it came                   |
 * | yes                               | anything else                   | ours is made anew                     |
 *
 * A fault that the stored object has too is a warning: an update is refused only for what it changes. One that makes a new
 * revision of an injected Deployment is refused for an old fault as well, such as one that only a newer version minds.
 * Pure; never throws, whatever the JSON.
 */
export function decideInjection(
  change: DeploymentChange,
  wrappers: Wrappers = { wrapper: PRESENT_WRAPPER, released: RELEASED },
): InjectionDecision {
  const now = readDeployment(change.object)
  if (isProblems(now)) return refuse(now, [])
  if (now.metadata.deletionTimestamp != null) return leave(now, 'being-deleted', [])
  const before = change.oldObject === undefined ? undefined : readDeployment(change.oldObject)
  if (isProblems(before))
    return refuse(
      before.map((problem) => ({ ...problem, path: `the stored object's ${problem.path}` })),
      [],
    )

  const sides = readSides(now, before)
  const isWanted = change.optedIn && now.metadata.annotations?.[`${PREFIX}command`] !== undefined
  return isWanted ? putIn(sides, wrappers) : takeOff(sides, change.optedIn)
}

function putIn(sides: Sides, wrappers: Wrappers): InjectionDecision {
  const { now, before, bare, bareBefore } = sides
  const planned = makePlan(now, bare)
  const hadBefore = () =>
    before === undefined || bareBefore === undefined ? [] : makePlan(before, bareBefore).problems
  const refused = newProblems(planned.problems, hadBefore, sides)
  if (refused.length > 0) return refuse(refused, planned.warnings)
  const warnings = [...newWarnings(planned.warnings, sides), ...planned.problems.map(asBefore)]

  if (before !== undefined && sides.wasHeld && isTemplateUnchanged(sides) && isShapeUnchanged(sides))
    return finish(sides, planned.plan, {
      kind: 'kept',
      reason: 'user-parts-unchanged',
      template: equal(now.spec.template, before.spec.template) ? now.spec.template : before.spec.template,
      warnings,
    })
  // Its new revision would start without its migration, and what is stored would run with an older image than the app's.
  if (planned.plan === undefined && sides.wasHeld) return refuse(planned.problems, planned.warnings)
  if (planned.plan === undefined && sides.isHeld) return stripped(sides, 'old-faults', warnings)
  if (planned.plan === undefined) return leave(now, 'old-faults', warnings)
  if (before !== undefined && !sides.wasHeld && isTemplateUnchanged(sides) && areAnnotationsUnchanged(sides))
    warnings.push(
      'this starts a rollout although you changed nothing: it is the first update since migrate.io began to serve the namespace',
    )

  const { template, isReleased } = injected(sides, planned.plan, wrappers)
  return isReleased
    ? finish(sides, planned.plan, { kind: 'kept', reason: 'released-wrapper', template, warnings })
    : finish(sides, planned.plan, { kind: 'injected', reason: 'injected', template, warnings })
}

/** The template with ours in it; or as it came, where it differs from that only by a released wrapper. */
function injected(
  sides: Sides,
  plan: Plan,
  { wrapper, released }: Wrappers,
): { template: PodTemplate; isReleased: boolean } {
  const { now, before } = sides
  const { template } = now.spec
  const options = { deploymentName: now.metadata.name || undefined, copies: knownCopies(sides, plan.target.name) }
  const present = before === undefined ? undefined : findWrapper(template)
  const isOther = present !== undefined && !equal(present, wrapper) && released.has(fingerprint(present))
  if (isOther && equal(inject(template, plan, { ...options, wrapper: present, keepsProfile: true }), template))
    return { template, isReleased: true }
  return { template: inject(template, plan, { ...options, wrapper }), isReleased: false }
}

interface Outcome {
  readonly kind: 'injected' | 'kept'
  readonly reason: InjectionReason
  readonly template: PodTemplate
  readonly warnings: readonly string[]
}

/** The Deployment with the template, the strategy and the deadline, and the record of what stood in their place. */
function finish(
  sides: Sides,
  plan: Plan | undefined,
  { kind, reason, template, warnings }: Outcome,
): InjectionDecision {
  const { now, before, record, claimed } = sides
  if (plan === undefined || (kind === 'kept' && sides.wasHeld && isRolloutUnchanged(sides) && !isSecondTime(sides))) {
    const text = before?.metadata.annotations?.[INJECTED_ANNOTATION]
    return { kind, reason, deployment: withParts(now, template, now.spec as Rollout, text), warnings }
  }
  const user = statedRollout(sides)
  const { rollout, warnings: more } = plannedRollout(user, plan, now.spec.replicas ?? 1)
  const injector = reason === 'injected' ? undefined : reason === 'released-wrapper' ? claimed : record
  const generation = before?.metadata.generation
  // Where the stored init container stays, so does what is known of it: a record is not written for this alone.
  const copied = reason === 'user-parts-unchanged' && record !== undefined ? record.copied : keysOf(plan.target)
  const empty = sides.isHeld ? claimed?.empty : emptyFields(now.spec)
  const next: InjectedRecord = {
    version: injector?.version ?? VERSION,
    container: plan.target.name,
    ...(typeof generation === 'number' && { generation }),
    ...replaced(user, rollout),
    ...(copied !== undefined && { copied }),
    ...(empty !== undefined && { empty }),
  }
  // Where nothing else is new, the text that is there, so that nothing changes.
  const isStored = record !== undefined && isRolloutStored(rollout, before) && isSameRecord(next, record)
  const text =
    (isStored && before?.metadata.annotations?.[INJECTED_ANNOTATION]) ||
    formatInjectedRecord(next, now.metadata.annotations)
  return { kind, reason, deployment: withParts(now, template, rollout, text), warnings: [...warnings, ...more] }
}

function isRolloutStored(rollout: Rollout, before: DeploymentObject | undefined): boolean {
  const fields = ['strategy', 'progressDeadlineSeconds'] as const
  return before !== undefined && fields.every((field) => equal(rollout[field], before.spec[field]))
}

function takeOff(sides: Sides, optedIn: boolean): InjectionDecision {
  const { now, before, isHeld, wasHeld, bare, bareBefore } = sides
  const { settings, problems: settingProblems } = readSettings(now.metadata.annotations)
  const problems = optedIn ? [...settingProblems, ...stateProblems(bare)] : []
  const hadBefore = () =>
    before === undefined || bareBefore === undefined
      ? []
      : [...readSettings(before.metadata.annotations).problems, ...stateProblems(bareBefore)]
  const refused = newProblems(problems, hadBefore, sides)
  if (refused.length > 0) return refuse(refused, [])

  const warnings = problems.map(asBefore)
  if (optedIn && !areAnnotationsUnchanged(sides))
    for (const name of Object.keys(settings)) warnings.push(`${PREFIX}${name} has no effect without ${PREFIX}command`)
  if (optedIn && !isTemplateUnchanged(sides)) warnings.push(...misplacedWarnings(bare))
  if (isHeld || wasHeld) return stripped(sides, optedIn ? 'annotation-removed' : 'not-opted-in', warnings)
  const template = stripLabel(bare)
  if (template !== bare)
    warnings.push(
      `the label ${PROTOCOL_LABEL} was removed from the pod template: it belongs to the injected parts, which are missing`,
    )
  if (template === bare && now.metadata.annotations?.[INJECTED_ANNOTATION] === undefined)
    return leave(now, optedIn ? 'no-annotation' : 'not-injected', warnings)
  const deployment = withParts(now, template, now.spec as Rollout, undefined)
  return { kind: 'stripped', reason: optedIn ? 'annotation-removed' : 'not-opted-in', deployment, warnings }
}

/** The Deployment without all that was put into it or into the stored one. */
function stripped(sides: Sides, reason: InjectionReason, warnings: readonly string[]): InjectionDecision {
  const deployment = withParts(sides.now, sides.bare, statedRollout(sides), undefined)
  const spec = withEmptyFields(deployment.spec, sides.before === undefined ? sides.claimed?.empty : undefined)
  return { kind: 'stripped', reason, deployment: link(deployment, 'spec', spec), warnings }
}

function asBefore(problem: Problem): string {
  return `as before: ${problemText(problem)}`
}

/** Those that this change brings: what the stored object was injected with has been told. */
function newWarnings(warnings: readonly string[], { before, wasHeld, bareBefore }: Sides): readonly string[] {
  if (warnings.length === 0 || before === undefined || !wasHeld || bareBefore === undefined) return warnings
  const told = new Set(makePlan(before, bareBefore).warnings)
  return warnings.filter((warning) => !told.has(warning))
}

/** Faults that this change brings. A forged grant counts as brought by every new template. */
function newProblems(
  problems: readonly Problem[],
  hadBefore: () => readonly Problem[],
  sides: Sides,
): readonly Problem[] {
  if (problems.length === 0) return []
  const known = new Set(hadBefore().map(({ identity }) => identity))
  return problems.filter(
    (problem) =>
      !known.has(problem.identity) || (problem.reason === 'state-in-template' && !isTemplateUnchanged(sides)),
  )
}

function withParts(
  now: DeploymentObject,
  template: PodTemplate,
  rollout: Rollout,
  record: string | undefined,
): DeploymentObject {
  const annotations = set<JsonObject>(now.metadata.annotations ?? {}, INJECTED_ANNOTATION, record)
  const isEmptied = now.metadata.annotations != null && Object.keys(annotations).length === 0
  const isAbsent = now.metadata.annotations == null && record === undefined
  const metadata = isAbsent ? now.metadata : set(now.metadata, 'annotations', isEmptied ? undefined : annotations)
  let spec = link(now.spec, 'template', template)
  spec = set(spec, 'strategy', rollout.strategy)
  spec = set(spec, 'progressDeadlineSeconds', rollout.progressDeadlineSeconds)
  return link(link(now, 'metadata', metadata), 'spec', spec)
}

function leave(now: DeploymentObject, reason: InjectionReason, warnings: readonly string[]): InjectionDecision {
  return { kind: 'untouched', reason, deployment: now, warnings }
}

function refuse(problems: readonly Problem[], warnings: readonly string[]): InjectionDecision {
  return { kind: 'refused', reason: problems[0]?.reason ?? 'malformed', problems: problems.map(problemText), warnings }
}

function isProblems(read: DeploymentObject | readonly Problem[] | undefined): read is readonly Problem[] {
  return Array.isArray(read)
}
