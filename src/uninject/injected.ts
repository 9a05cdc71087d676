import { decideInjection } from '../injection/decide.ts'
import { readDeployment } from '../injection/deployment.ts'
import { holdsInjectedParts } from '../injection/parts.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Deployment, Pod } from '../kube/objects.ts'
import { grantOf } from '../lock/grant.ts'
import { type Key, recordNameOf } from '../lock/key.ts'
import { endOf, isDone, isRunning, runningSince } from '../lock/pod-state.ts'
import { lockConfigMapName, PREFIX, REVISION_ANNOTATION } from '../names.ts'

/** A stored Deployment that holds what was injected, opted in or not. */
export interface InjectedDeployment {
  readonly key: Key
  readonly uid: string
  /** As `kubectl rollout history` counts; undefined before its controller has seen it. */
  readonly revision: string | undefined
  readonly replicas: number
  /** Nothing rolls out until it is resumed. */
  readonly isPaused: boolean
}

/** What is known of a Deployment that holds ours; undefined where it does not, or is being deleted and takes ours along. */
export function readInjected(stored: Deployment): InjectedDeployment | undefined {
  const { namespace, name, uid, annotations, deletionTimestamp } = stored.metadata
  if (deletionTimestamp !== undefined || !isInjected(stored)) return undefined
  return {
    key: { namespace, deployment: name },
    uid,
    revision: annotations?.[REVISION_ANNOTATION],
    replicas: stored.spec.replicas ?? 1,
    isPaused: stored.spec.paused === true,
  }
}

export function isInjected(stored: Deployment): boolean {
  const read = readDeployment(asJson(stored))
  return 'spec' in read && holdsInjectedParts(read.spec.template)
}

type Annotations = Readonly<Record<string, string>>

/** All annotations under our prefix: the user's own, and the record of what was injected. */
export function ourAnnotations({ metadata }: Deployment): Annotations {
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => key.startsWith(PREFIX)))
}

/**
 * The Deployment without the annotations and without all that was injected, strategy and deadline as they were: what the
 * webhook makes of an update that takes the annotations off, made by the same function. Sent as an update, it is the same
 * whether the webhook is asked or not, since there is nothing left for it to do.
 *
 * @param taken annotations that were there before an earlier step took them off: the record among them says what the
 *   strategy was
 */
export function bareOf(stored: Deployment, taken: Annotations): Deployment {
  const theirs = Object.entries(stored.metadata.annotations ?? {}).filter(([key]) => !key.startsWith(PREFIX))
  const before = withAnnotations(stored, { ...taken, ...stored.metadata.annotations })
  const after = withAnnotations(stored, Object.fromEntries(theirs))
  const decision = decideInjection({ object: asJson(after), oldObject: asJson(before), optedIn: false })
  if (decision.kind === 'stripped') return decision.deployment as unknown as Deployment
  throw new Error(`${stored.metadata.namespace}/${stored.metadata.name} has no injected parts: ${decision.reason}`)
}

function withAnnotations(stored: Deployment, annotations: Annotations): Deployment {
  return { ...stored, metadata: { ...stored.metadata, annotations: { ...annotations } } }
}

/** The same object as the JSON that it is: the API's types show the part of it that is read by name. */
export function asJson(stored: Deployment): JsonObject {
  return stored as unknown as Json as JsonObject
}

/** A migration that is not done, which un-injecting would end. */
export type Migration =
  | { readonly kind: 'runs'; readonly pod: string; readonly since: string | undefined }
  /** For its turn, for the next try after a failure, or for the pod to get that far. */
  | { readonly kind: 'waits'; readonly pods: number }

/**
 * What goes on in a Deployment's pods just now; undefined where nothing does.
 * @param pods those with our label, of whichever Deployment
 */
export function migrationOf({ key }: InjectedDeployment, pods: readonly Pod[]): Migration | undefined {
  const pending = pods.filter((pod) => isOf(pod, key.namespace, lockConfigMapName(key.deployment)) && !isDone(pod))
  const runner = pending.find(isMigrating)
  if (runner !== undefined) return { kind: 'runs', pod: runner.metadata.name, since: runningSince(runner) }
  const waiting = pending.filter((pod) => pod.metadata.deletionTimestamp === undefined && grantOf(pod).kind !== 'skip')
  return waiting.length === 0 ? undefined : { kind: 'waits', pods: waiting.length }
}

function isMigrating(pod: Pod): boolean {
  const grant = grantOf(pod)
  return isRunning(pod) && grant.kind === 'run' && endOf(pod, grant.number).kind === 'unknown'
}

/** Whether a record of this name decides about the pod, and the pod may still start or run. */
export function isOf(pod: Pod, namespace: string, record: string): boolean {
  return pod.metadata.namespace === namespace && recordNameOf(pod) === record && mayRun(pod)
}

/** Also one that is long past its migration: its node may start anew, and with it the init container. */
export function mayRun({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}
