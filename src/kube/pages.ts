import { KubeError, type Projection, type Selection } from './api.ts'
import { type Answer, described, failure, inWords, type Request } from './failure.ts'
import type { Kind, Objects } from './objects.ts'
import { formOf, pathOf } from './resources.ts'
import { AnswerTooLong, type Call, type Transport } from './transport.ts'

const FIRST_ITEMS = 10 // nobody knows yet how large they are
const PAGE_ITEMS = 50 // half a megabyte of pods, and its garbage, is what is in memory at a time; measured with 5,000 of them
/**
 * A page that turns out longer is given up and asked for again with fewer objects, down to one: objects may have a megabyte
 * and more each, and whoever may create one in any namespace must not fill our memory.
 */
const PAGE_MAX_BYTES = 4 * 1024 * 1024
const FEWER = 5
const RESTARTS = 3

interface List<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items?: readonly T[] | null
}

export interface Listed<T> {
  readonly items: T[]
  /** From here a watch sees what came after this list. */
  readonly resourceVersion: string
}

/**
 * All objects of a selection as they were at one moment, read from the store itself and not from a server's cache, page by
 * page. Each object is projected as soon as its page is there, so that what isn't needed is never kept; one of which nothing
 * is needed (undefined) is left out.
 *
 * A continuation that has expired (410) starts anew. Throws KubeError.
 */
export async function listInPages<K extends Kind, T>(
  transport: Transport,
  kind: K,
  { selection, project, signal }: { selection: Selection; project: Projection<K, T>; signal?: AbortSignal },
): Promise<Listed<T>> {
  const request: Request = { verb: 'list', kind, namespace: selection.namespace }
  const path = pathOf(kind, { namespace: selection.namespace })
  const { accept } = formOf(kind, 'list')
  let limit = FIRST_ITEMS
  const ask = async (token: string | undefined): Promise<Answer> => {
    for (;;) {
      const query = queryOf(selection, { limit: String(limit), ...(token ? { continue: token } : {}) })
      const call: Call = { request, method: 'GET', path: `${path}?${query}`, accept, ...(signal ? { signal } : {}) }
      try {
        // A single object is whole or not at all.
        const answer = await transport.send(limit === 1 ? call : { ...call, maxBytes: PAGE_MAX_BYTES })
        if (answer.length < PAGE_MAX_BYTES / 4) limit = Math.min(limit * 2, PAGE_ITEMS)
        return answer
      } catch (error) {
        if (!(error instanceof AnswerTooLong) || limit === 1) throw error
        limit = Math.ceil(limit / FEWER)
      }
    }
  }
  for (let restarts = 0; ; restarts++) {
    const items: T[] = []
    let token: string | undefined
    for (;;) {
      const answer = await ask(token)
      if (answer.status === 410 && token !== undefined && restarts < RESTARTS) break
      if (answer.status !== 200) throw failure(request, answer)
      const list = checked<Objects[K]>(request, answer)
      for (const item of list.items ?? []) {
        const kept = project(item)
        if (kept !== undefined) items.push(kept)
      }
      token = list.metadata.continue
      if (!token) return { items, resourceVersion: list.metadata.resourceVersion }
    }
  }
}

export function queryOf(selection: Selection, more: Record<string, string>): URLSearchParams {
  const query = new URLSearchParams(more)
  if (selection.labelSelector !== undefined) query.set('labelSelector', selection.labelSelector)
  if (selection.fieldSelector !== undefined) query.set('fieldSelector', selection.fieldSelector)
  return query
}

/** An empty answer of something in between, taken for a list, would say that everything is gone. */
function checked<T>(request: Request, answer: Answer): List<T> {
  const { body } = answer
  const isList =
    typeof body === 'object' && body !== null && 'kind' in body && String(body.kind).endsWith('List') && 'items' in body
  if (isList) return body as unknown as List<T>
  throw new KubeError('unavailable', `${inWords(request)}: an answer that is no list: ${described(answer)}`)
}
