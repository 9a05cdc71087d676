import { holdsOurs } from '../injection/parts.ts'
import { readDeployment } from '../injection/shape.ts'
import type { Json, JsonObject } from '../json.ts'
import type { Deployment } from '../kube/objects.ts'
import type { Key } from '../lock/key.ts'
import { REVISION_ANNOTATION } from '../names.ts'

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
  return 'spec' in read && holdsOurs(read.spec.template)
}

/** The same object as the JSON that it is: the API's types show the part of it that is read by name. */
export function asJson(stored: Deployment): JsonObject {
  return stored as unknown as Json as JsonObject
}
