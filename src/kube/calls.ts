import { FIELD_MANAGER } from '../names.ts'
import type { Version } from './api.ts'
import { type Answer, failure, objectOf, type Request, saysNotFound } from './errors.ts'
import type { Deployment, Objects } from './objects.ts'
import { formOf, pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

export const MERGE_PATCH = 'application/merge-patch+json'
/** As `kubectl rollout restart` writes it. */
const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt'
const RERUN_FIELD_MANAGER = 'migrate-io-rerun' // not the controller's, by which its own writes are known

/** Patches an object as the field manager. @throws KubeError; a body with UID and resourceVersion is a compare-and-swap */
export async function patch(
  transport: Transport,
  request: Request & { readonly verb: 'patch' },
  body: object,
  { fieldManager, contentType = MERGE_PATCH }: { readonly fieldManager: string; readonly contentType?: string },
): Promise<Answer> {
  const path = `${pathOf(request.kind, request)}?${new URLSearchParams({ fieldManager })}`
  const answer = await transport.send({ request, method: 'PATCH', path, body, contentType })
  if (answer.status !== 200) throw failure(request, answer)
  return answer
}

/**
 * Sets annotations of a Deployment through its status subresource; null takes one off. A webhook that asks for
 * `deployments` is not asked about that. A compare-and-swap: throws KubeError, with code `conflict` when the Deployment is no
 * longer as it was seen.
 */
export async function annotateDeploymentStatus(
  transport: Transport,
  { namespace, name, uid, resourceVersion }: Version,
  annotations: Readonly<Record<string, string | null>>,
): Promise<void> {
  const request = { verb: 'patch', kind: 'Deployment', namespace, name, subresource: 'status' } as const
  await patch(transport, request, { metadata: { uid, resourceVersion, annotations } }, { fieldManager: FIELD_MANAGER })
}

/**
 * Starts a rollout of a Deployment that changes nothing but its revision. A compare-and-swap: throws KubeError, with code
 * `conflict` when the Deployment is no longer as it was seen.
 * @param at in whole seconds: a second restart within one second changes nothing
 * @returns the Deployment as it is stored now, which admission may have changed further
 */
export async function restartDeployment(
  transport: Transport,
  { namespace, name, uid, resourceVersion }: Version,
  at: Date,
): Promise<Deployment> {
  const request = { verb: 'patch', kind: 'Deployment', namespace, name } as const
  const annotations = { [RESTARTED_AT]: at.toISOString().replace(/\.\d+Z$/, 'Z') }
  const body = { metadata: { uid, resourceVersion }, spec: { template: { metadata: { annotations } } } }
  return objectOf<Deployment>(request, await patch(transport, request, body, { fieldManager: RERUN_FIELD_MANAGER }))
}

export interface RemoveOptions {
  /** What it must still be: of this UID, and where that is given in this state. */
  readonly preconditions: { readonly uid: string; readonly resourceVersion?: string }
  /**
   * 0: a pod object goes at once, whether or not its containers have ended. Left out: as the object says, which may be 0.
   * One in phase Failed or Succeeded, or without a node, goes at once whatever is said here.
   */
  readonly gracePeriodSeconds?: number
}

/**
 * Deletes a pod or a ConfigMap, if it is still as it was seen. A pod's node is asked to end it, and takes the object away.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/#DeleteOptions (preconditions)
 *
 * @returns false where it has changed or gone meanwhile. Throws KubeError.
 */
export async function removeObject(
  transport: Transport,
  kind: 'ConfigMap' | 'Pod',
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: RemoveOptions,
): Promise<boolean> {
  const request: Request = { verb: 'delete', kind, namespace, name }
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options }
  const answer = await transport.send({ request, method: 'DELETE', path: pathOf(kind, request), body })
  if (answer.status === 200 || answer.status === 202) return true
  const error = failure(request, answer)
  if (error.code === 'conflict') return false
  throw error
}

/** Kinds of objects that are in no namespace, and that are only ever read. */
type ReadClusterKind = 'Namespace' | 'Node'

/** @returns undefined when there is none (404). Throws KubeError. */
export async function readClusterObject<K extends ReadClusterKind>(
  transport: Transport,
  kind: K,
  name: string,
): Promise<Objects[K] | undefined> {
  const form = formOf(kind, 'object')
  // A namespace is in itself: its readers are those who may read it there.
  const request: Request = { verb: 'get', kind, name }
  const answer = await transport.send({ request, method: 'GET', path: pathOf(kind, { name }), accept: form.accept })
  if (saysNotFound(answer, name)) return undefined
  if (answer.status !== 200) throw failure(request, answer)
  return objectOf<Objects[K]>(request, answer, form.kind)
}
