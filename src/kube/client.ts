import { FIELD_MANAGER } from '../names.ts'
import { type Api, type Kept, KubeError, type Projection, type Selection, type Version } from './api.ts'
import { MERGE_PATCH } from './calls.ts'
import { type Answer, described, failure, inWords, objectOf, type Request, saysNotFound } from './errors.ts'
import type { Kind, Objects } from './objects.ts'
import { formOf, isObjectName, pathOf, RESOURCES } from './resources.ts'
import { AnswerTooLong, type Call, type Transport } from './transport.ts'

const BY_US = new URLSearchParams({ fieldManager: FIELD_MANAGER })
const FIRST_ITEMS = 10 // nobody knows yet how large they are
const PAGE_ITEMS = 50 // half a megabyte of pods, and its garbage, is what is in memory at a time; measured with 5,000 of them

/**
 * A page that turns out longer is given up and asked for again with fewer objects, down to one: objects may have a megabyte
 * and more each, and whoever may create one in any namespace must not fill our memory.
 */
const PAGE_MAX_BYTES = 4 * 1024 * 1024

const FEWER = 5
const RESTARTS = 3

/**
 * The API as JSON, as it comes and goes: fields that we have never heard of survive a replace, and times stay text.
 * client-node's classes would drop the ones and turn the others into Dates of milliseconds, which no compare-and-swap wants.
 * @param kept of kinds that are never replaced: what was left out would be taken off
 */
export function createApi(transport: Transport, kept: Kept = {}): Api {
  function keep<K extends Kind>(kind: K, object: Objects[K]): Objects[K] {
    const project = kept[kind] as ((object: Objects[K]) => Objects[K]) | undefined
    return project === undefined ? object : project(object)
  }

  async function write<K extends Kind>(kind: K, call: Call): Promise<Objects[K]> {
    const answer = await transport.send({ ...call, path: `${call.path}?${BY_US}` })
    if (answer.status === 200 || answer.status === 201)
      return keep(kind, objectOf<Objects[K]>(call.request, answer, formOf(kind, 'object').kind))
    throw failure(call.request, answer)
  }
  return {
    async read<K extends Kind>(kind: K, namespace: string, name: string) {
      if (!isObjectName(name)) return undefined
      const request: Request = { verb: 'get', kind, namespace, name }
      // Without resourceVersion in the query: what the store holds, not what a cache of the server still believes.
      const form = formOf(kind, 'object')
      const answer = await transport.send({
        request,
        method: 'GET',
        path: pathOf(kind, request),
        accept: form.accept,
      })
      if (answer.status === 200) return keep(kind, objectOf<Objects[K]>(request, answer, form.kind))
      if (saysNotFound(answer, name)) return undefined
      throw failure(request, answer)
    },

    async list(kind, selection, project) {
      return (await listInPages(transport, kind, { selection, project })).items
    },

    async create(kind, object) {
      const { namespace, name } = object.metadata
      const request: Request = { verb: 'create', kind, namespace, name }
      const body = typed(kind, object)
      return write(kind, { request, method: 'POST', path: pathOf(kind, { namespace }), body })
    },

    async replace(kind, object) {
      const { namespace, name } = object.metadata
      mustBeVersion(kind, object.metadata)
      const request: Request = { verb: 'update', kind, namespace, name }
      const body = typed(kind, object)
      return write(kind, { request, method: 'PUT', path: pathOf(kind, request), body })
    },

    async annotatePod(pod, annotations) {
      const { namespace, name, uid, resourceVersion } = pod
      mustBeVersion('Pod', pod)
      const request: Request = { verb: 'patch', kind: 'Pod', namespace, name, subresource: 'status' }
      // The API server compares both with the stored pod: 409 for another resourceVersion, 422 for another UID.
      const body = { metadata: { uid, resourceVersion, annotations } }
      const path = pathOf('Pod', request)
      return write('Pod', { request, method: 'PATCH', path, body, contentType: MERGE_PATCH })
    },
  }
}

function typed<T extends object>(kind: Kind, object: T): T & { apiVersion: string; kind: string } {
  return { ...object, apiVersion: RESOURCES[kind].apiVersion, kind }
}

/** Without either the API server would write over whatever is there. */
function mustBeVersion(kind: Kind, { namespace, name, uid, resourceVersion }: Version): void {
  if (uid && resourceVersion) return
  throw new KubeError(
    'invalid',
    `${kind} ${namespace}/${name} without UID or resourceVersion can't be compared and swapped`,
  )
}

interface Listed<T> {
  readonly items: T[]
  /** From here a watch sees what came after this list. */
  readonly resourceVersion: string
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items?: readonly T[] | null
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
  throw new KubeError('unavailable', `${inWords(request)}: the answer isn't a list: ${described(answer)}`)
}
