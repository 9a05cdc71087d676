import { FIELD_MANAGER } from '../names.ts'
import { type Api, type Kept, KubeError, type Version } from './api.ts'
import { failure, type Request, saysNotFound } from './failure.ts'
import { objectOf } from './object-of.ts'
import type { Kind, Objects } from './objects.ts'
import { listInPages } from './pages.ts'
import { MERGE_PATCH } from './patch.ts'
import { formOf, isObjectName, pathOf, RESOURCES } from './resources.ts'
import type { Call, Transport } from './transport.ts'

const BY_US = new URLSearchParams({ fieldManager: FIELD_MANAGER })

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
