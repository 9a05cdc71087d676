import { KubeError } from './api.ts'
import { type Answer, described, inWords, type Request } from './failure.ts'

/**
 * The object in a good answer. A 200 of something in between, such as a login page, must not pass for one.
 * @param kind as the answer is to say it; another than the request's where only the metadata was asked for
 * @throws KubeError, with code `unavailable`
 */
export function objectOf<T>(request: Request, answer: Answer, kind: string = request.kind): T {
  const { body } = answer
  if (typeof body === 'object' && body !== null && 'kind' in body && body.kind === kind && 'metadata' in body)
    return body as T
  throw new KubeError('unavailable', `${inWords(request)}: an answer that is no ${request.kind}: ${described(answer)}`)
}
