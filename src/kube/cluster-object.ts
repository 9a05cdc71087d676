import { failure, type Request, saysNotFound } from './failure.ts'
import { objectOf } from './object-of.ts'
import type { Objects } from './objects.ts'
import { formOf, pathOf } from './resources.ts'
import type { Transport } from './transport.ts'

/** Kinds of objects that are in no namespace, and that are only ever read. */
export type ReadClusterKind = 'Namespace' | 'Node'

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
