import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { failure, type Request, saysNotFound } from './errors.ts'
import { pathOf } from './resources.ts'
import { answerOf, type Transport } from './transport.ts'

export interface LogOptions {
  readonly container: string
  /** That of the instance before the present one. */
  readonly previous: boolean
  /** Goes on until the container ends. */
  readonly follow: boolean
  /** Each line begins with the time at which it was written, and a space. */
  readonly timestamps?: boolean
  /** RFC 3339, of which whole seconds count: only what was written from then on. Default: all. */
  readonly since?: string | undefined
}

/**
 * The log of a container, as it comes; to be read or destroyed.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
 *
 * @returns undefined where the pod is gone, or has no such log (any more). Throws KubeError.
 */
export async function openPodLog(
  transport: Transport,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  { container, previous, follow, timestamps = false, since }: LogOptions,
): Promise<IncomingMessage | undefined> {
  const request: Request = { verb: 'get', kind: 'Pod', namespace, name, subresource: 'log' }
  const query = new URLSearchParams({
    ...{ container, previous: String(previous), follow: String(follow) },
    ...(timestamps ? { timestamps: 'true' } : {}),
    ...(since === undefined ? {} : { sinceTime: since }),
  })
  const path = `${pathOf('Pod', request)}?${query}`
  const response = await transport.open({ request, method: 'GET', path, accept: 'text/plain, application/json, */*' })
  if (response.statusCode === 200) return response
  const answer = answerOf(response, await text(response))
  // 400: a container that has not started, or has no instance before the present one.
  if (answer.status === 400 || saysNotFound(answer, name)) return undefined
  throw failure(request, answer)
}
