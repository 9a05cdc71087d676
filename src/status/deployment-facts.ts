import { ANNOTATIONS, readSettings } from '../injection/annotations.ts'
import { decideInjection } from '../injection/decide.ts'
import { readDeployment } from '../injection/deployment.ts'
import { holdsInjectedParts } from '../injection/parts.ts'
import { nearest, problemText } from '../injection/reasons.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import type { Deployment } from '../kube/objects.ts'
import { PREFIX, PROTOCOL_LABEL, REVISION_ANNOTATION } from '../names.ts'
import { excerpt } from './pod-facts.ts'

const FAULTS_MAX = 20 // each is a sentence, and an object may have thousands
const KEYS = Object.keys(ANNOTATIONS).map((name) => PREFIX + name)

/** What is kept of a Deployment, whose template is some ten times as large. */
export interface DeploymentFacts {
  readonly deployment: Deployment
  readonly isInjected: boolean
  readonly hasCommand: boolean
  readonly settings: { readonly lock?: string; readonly retries?: number }
  /** What is wrong with its annotations, or stands in the way of an injection: whole sentences. */
  readonly faults: readonly string[]
  /** Pods that serve. While the present revision is not migrated they are of earlier ones. */
  readonly available: number
  /** All its pods are of the present revision, and serve. */
  readonly isRolledOut: boolean
  /** The rollout took longer than progressDeadlineSeconds. */
  readonly isPastDeadline: boolean
  /** Why no pod can be created: a quota, a policy. */
  readonly replicaFailure: string | undefined
}

/**
 * Reads a Deployment as the API server stores it.
 * @returns undefined where nothing of it has to do with us, unless it is asked for by name
 */
export function deploymentFacts(full: Deployment, isNamed: boolean): DeploymentFacts | undefined {
  const object = full as unknown as JsonObject
  const annotations = full.metadata.annotations ?? {}
  const template = mapping(mapping(object['spec'])['template'])
  const isInjected = isHeld(object, template)
  const isAnnotated = Object.keys(annotations).some((key) => key.startsWith(PREFIX))
  const lost = isInjected
    ? []
    : misplaced({
        annotations,
        labels: full.metadata.labels ?? {},
        templateAnnotations: mapping(mapping(template['metadata'])['annotations']),
      })
  if (!isInjected && !isAnnotated && lost.length === 0 && !isNamed) return undefined

  const { settings, problems } = readSettings(annotations)
  const conditions = full.status?.conditions ?? []
  const progressing = conditions.find(({ type }) => type === 'Progressing')
  const failure = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True')
  return {
    deployment: projected(full),
    isInjected,
    hasCommand: annotations[`${PREFIX}command`] !== undefined,
    settings: {
      ...(settings.lock === undefined ? {} : { lock: settings.lock }),
      ...(settings.retries === undefined ? {} : { retries: settings.retries }),
    },
    faults: firstOf(isInjected ? problems.map(problemText) : [...lost, ...(isAnnotated ? refusals(object) : [])]),
    available: full.status?.availableReplicas ?? 0,
    isRolledOut: isRolledOut(full),
    isPastDeadline: progressing?.reason === 'ProgressDeadlineExceeded',
    replicaFailure: failure === undefined ? undefined : excerpt(failure.message ?? failure.reason ?? ''),
  }
}

/** The label is looked for first: most Deployments of a cluster have nothing to do with us. */
function isHeld(object: JsonObject, template: JsonObject): boolean {
  if (!Object.hasOwn(mapping(mapping(template['metadata'])['labels']), PROTOCOL_LABEL)) return false
  const read = readDeployment(object)
  return 'spec' in read && holdsInjectedParts(read.spec.template)
}

/** Where a user may have put what belongs into the Deployment's own annotations. */
interface Places {
  readonly annotations: Readonly<Record<string, unknown>>
  readonly labels: Readonly<Record<string, unknown>>
  readonly templateAnnotations: Readonly<Record<string, unknown>>
}

/**
 * What looks like one of our annotations and is none: a prefix with a typing error, which admission can't know for ours,
 * or the right key in the wrong place. Whole sentences.
 */
export function misplaced({ annotations, labels, templateAnnotations }: Places): readonly string[] {
  const wrongPrefix = Object.keys(annotations).flatMap((key) => {
    if (key.startsWith(PREFIX) || !/migrat/i.test(key)) return []
    const meant = nearest(key, KEYS)
    return meant === undefined ? [] : [`its annotation ${key} is unknown; did you mean ${meant}?`]
  })
  const asLabel = KEYS.filter((key) => Object.hasOwn(labels, key)).map(
    (key) => `${key} is one of its labels, but belongs under metadata.annotations`,
  )
  const inTemplate = KEYS.filter((key) => Object.hasOwn(templateAnnotations, key)).map(
    (key) =>
      `${key} is under spec.template.metadata.annotations, but belongs under the Deployment's own metadata.annotations`,
  )
  return [...wrongPrefix, ...asLabel, ...inTemplate]
}

/** What the webhook would say about it. */
function refusals(object: JsonObject): readonly string[] {
  const decision = decideInjection({ object, optedIn: true })
  return decision.kind === 'refused' ? decision.problems : []
}

function firstOf(faults: readonly string[]): readonly string[] {
  const more = faults.length - FAULTS_MAX
  return more <= 0 ? faults : [...faults.slice(0, FAULTS_MAX), `and ${more} more`]
}

function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const { observedGeneration = -1, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  if (observedGeneration < (metadata.generation ?? 0)) return false
  const wanted = spec.replicas ?? 1
  return wanted > 0 && [replicas, updatedReplicas, availableReplicas].every((count) => count === wanted)
}

function projected({ metadata, spec, status }: Deployment): Deployment {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp, annotations } = metadata
  const revision = annotations?.[REVISION_ANNOTATION]
  return {
    metadata: {
      ...{ name, namespace, uid, resourceVersion },
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      annotations: revision === undefined ? {} : { [REVISION_ANNOTATION]: revision },
    },
    spec: {
      replicas: spec.replicas ?? 1,
      paused: spec.paused === true,
    },
    status: status?.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration },
  }
}

function mapping(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}
