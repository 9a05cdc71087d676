import { equal, type JsonObject } from '../json.ts'
import { INJECTED_ANNOTATION, PREFIX } from '../names.ts'
import { isUserAnnotation, SHAPING_NAMES } from './annotations.ts'
import type { DeploymentObject, PodTemplate } from './deployment.ts'
import { holdsInjectedParts, strip } from './parts.ts'
import { type InjectedRecord, readInjectedRecord } from './record.ts'

/** The object of a request and the stored one that it replaces, each with what is known of it. */
export interface Sides {
  readonly now: DeploymentObject
  /** The stored Deployment; undefined on CREATE. */
  readonly before: DeploymentObject | undefined
  readonly isHeld: boolean
  readonly wasHeld: boolean
  /** The templates as their user wrote them. */
  readonly bare: PodTemplate
  readonly bareBefore: PodTemplate | undefined
  /** What was put into `before`; undefined where nothing was. */
  readonly record: InjectedRecord | undefined
  /** What the object in the request says was put into it. */
  readonly claimed: InjectedRecord | undefined
}

export function readSides(now: DeploymentObject, before: DeploymentObject | undefined): Sides {
  const wasHeld = before !== undefined && holdsInjectedParts(before.spec.template)
  const isHeld = holdsInjectedParts(now.spec.template)
  const record = before !== undefined && wasHeld ? readInjectedRecord(before) : undefined
  // Mostly the same text: it is read once.
  const isSameText =
    record !== undefined && annotation(now, INJECTED_ANNOTATION) === annotation(before, INJECTED_ANNOTATION)
  return {
    now,
    before,
    isHeld,
    wasHeld,
    // Where the stored object holds ours, whatever bears our names is ours, or what became of it.
    bare: isHeld || wasHeld ? strip(now.spec.template) : now.spec.template,
    bareBefore: before !== undefined && wasHeld ? strip(before.spec.template) : before?.spec.template,
    record,
    claimed: isHeld ? (isSameText ? record : readInjectedRecord(now)) : undefined,
  }
}

function annotation(deployment: DeploymentObject | undefined, name: string): string | undefined {
  return deployment?.metadata.annotations?.[name]
}

/** Whether the user's part of the template is the stored one's. */
export function isTemplateUnchanged({ bare, bareBefore }: Sides): boolean {
  return equal(bare, bareBefore)
}

/** Whether the annotations that shape the injected container are the stored object's. */
export function isShapeUnchanged({ now, before }: Sides): boolean {
  return SHAPING_NAMES.every(
    (name) => now.metadata.annotations?.[PREFIX + name] === before?.metadata.annotations?.[PREFIX + name],
  )
}

export function areAnnotationsUnchanged({ now, before }: Sides): boolean {
  return before !== undefined && equal(userAnnotations(now), userAnnotations(before))
}

/** Whether nothing changed that the strategy and the deadline follow from. */
export function isRolloutUnchanged(sides: Sides): boolean {
  const { now, before } = sides
  return (
    before !== undefined &&
    isTemplateUnchanged(sides) &&
    areAnnotationsUnchanged(sides) &&
    (['replicas', 'strategy', 'progressDeadlineSeconds'] as const).every((field) =>
      equal(now.spec[field], before.spec[field]),
    )
  )
}

function userAnnotations(deployment: DeploymentObject): JsonObject {
  return Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => isUserAnnotation(key)),
  )
}
