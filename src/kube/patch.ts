import { type Answer, failure, type Request } from './failure.ts'
import { pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

export const MERGE_PATCH = 'application/merge-patch+json'

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
