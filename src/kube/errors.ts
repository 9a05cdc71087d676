import { KubeError, type KubeErrorCode } from './api.ts'
import type { ClusterKind, Kind } from './objects.ts'
import { RESOURCES } from './resources.ts'

const TYPE_MAX_CHARACTERS = 60

/** Who lacks which permission, or which webhook or policy says no; what these say of the object comes behind it. */
const REFUSER =
  /is forbidden: User "[^"]*" cannot [a-z]+ resource [^:]*|exceeded quota: [\w.-]+|(?:admission webhook|ValidatingAdmissionPolicy) .*? denied (?:the )?request/

/** What was asked, in the terms of an RBAC rule. */
export interface Request {
  readonly verb: Verb
  readonly kind: Kind | ClusterKind
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete'

export interface Answer {
  readonly status: number
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown
  readonly contentType: string | undefined
  /** Of the text that came, in characters. */
  readonly length: number
  readonly retryAfterMs: number | undefined
}

/** The API server's own form of a refusal (meta/v1 Status), as far as decisions need it. */
export interface ApiStatus {
  readonly kind: 'Status'
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly name?: string
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly field?: string }[]
  }
}

/**
 * The object in a good answer. A 200 of something in between, such as a login page, must not pass for one.
 * @param kind as the answer is to say it; another than the request's where only the metadata was asked for
 * @throws KubeError, with code `unavailable`
 */
export function objectOf<T>(request: Request, answer: Answer, kind: string = request.kind): T {
  const { body } = answer
  if (typeof body === 'object' && body !== null && 'kind' in body && body.kind === kind && 'metadata' in body)
    return body as T
  throw new KubeError(
    'unavailable',
    `${inWords(request)}: the answer isn't of kind ${request.kind}: ${described(answer)}`,
  )
}

/**
 * Whether a 404 says that this very object is not there. A proxy, or an API server that is still starting, also answers
 * 404; taken for a pod that has gone, that would free a lock.
 */
export function saysNotFound({ status, body }: Answer, name: string): boolean {
  const seen = readStatus(body)
  return status === 404 && seen?.reason === 'NotFound' && seen.details?.name === name
}

/** The error for an answer that is no success. */
export function failure(request: Request, answer: Answer): KubeError {
  const status = readStatus(answer.body)
  const code = codeOf(answer.status, status, request.verb)
  const retryAfterMs = answer.retryAfterMs ?? milliseconds(status?.details?.retryAfterSeconds)
  const said = status?.message === undefined ? described(answer) : `${answer.status} ${status.message}`
  const hint = code === 'forbidden' ? hintOf(answer.status, request) : ''
  return new KubeError(code, `${inWords(request)}: ${said}${hint}`, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...((code === 'invalid' || code === 'forbidden') && {
      outline: `${inWords(request)}: ${outlineOf(answer.status, status)}${hint}`,
    }),
  })
}

/** Which codes come when was tried out on a real API server; see test/api/kube/compare-and-swap.test.ts. */
function codeOf(http: number, status: ApiStatus | undefined, verb: Verb): KubeErrorCode {
  const causes = status?.details?.causes ?? []
  const isWrite = verb !== 'get' && verb !== 'list' && verb !== 'watch'
  switch (http) {
    case 401:
      return 'forbidden'
    case 403: // a namespace that is being deleted takes nothing new: what we knew is outdated
      return causes.some(({ reason }) => reason === 'NamespaceTerminating') ? 'conflict' : 'forbidden'
    case 404:
      return isWrite && status?.reason === 'NotFound' && status.details?.name !== undefined ? 'conflict' : 'unavailable'
    case 409:
      return 'conflict'
    case 422: // a patch with the UID of an object that has gone, while another has its name
      return causes.some(({ field }) => field === 'metadata.uid') ? 'conflict' : 'invalid'
    case 408:
    case 410:
    case 429:
      return 'unavailable'
    default:
      return http >= 400 && http < 500 ? 'invalid' : 'unavailable'
  }
}

/**
 * `422 Invalid (spec.containers[0].image, metadata.labels)`, `403 Forbidden: admission webhook "x" denied the request`. A
 * validation or a policy may quote what it does not like, such as a whole pod spec.
 */
function outlineOf(http: number, status: ApiStatus | undefined): string {
  const fields = new Set((status?.details?.causes ?? []).flatMap(({ field }) => field ?? []))
  const refuser = REFUSER.exec(status?.message ?? '')?.[0].replace('is forbidden: ', '')
  const reason = refuser === undefined ? status?.reason : `${status?.reason ?? 'refused'}: ${refuser}`
  return [String(http), reason, fields.size === 0 ? undefined : `(${[...fields].join(', ')})`]
    .filter((part) => part !== undefined)
    .join(' ')
}

function hintOf(http: number, { verb, kind, namespace, name, subresource }: Request): string {
  if (http === 401) return '; the API server does not accept these credentials'
  const { group, plural } = RESOURCES[kind]
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  const ofAll = name === undefined ? 'in all namespaces (a ClusterRole)' : `named "${name}" (a ClusterRole)`
  const where = namespace === undefined ? ofAll : `in namespace ${namespace}`
  return `; this needs verb "${verb}" on resource "${resource}" of API group "${group}" ${where}, and no policy or quota that forbids it`
}

export function readStatus(body: unknown): ApiStatus | undefined {
  const isStatus = typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status'
  return isStatus ? (body as ApiStatus) : undefined
}

/** `get pod shop/app-1`, for messages. */
export function inWords({ verb, kind, namespace, name, subresource }: Request): string {
  const what = subresource === undefined ? kind.toLowerCase() : `${subresource} of ${kind.toLowerCase()}`
  const ofAll = name === undefined ? ' of all namespaces' : ` ${name}`
  const where = namespace === undefined ? ofAll : ` ${namespace}/${name ?? '*'}`
  return `${verb} ${what}${where}`
}

/** What an answer is, for messages. Never what it holds: that may be an object with somebody's secrets in it. */
export function described({ status, contentType, length }: Pick<Answer, 'status' | 'contentType' | 'length'>): string {
  return `status ${status}, ${(contentType ?? 'of no type').slice(0, TYPE_MAX_CHARACTERS)}, ${length} characters`
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}

export type LoadErrorCode = 'NO_CLUSTER' | 'UNREADABLE' | 'MALFORMED' | 'NO_CONTEXT' | 'UNSUPPORTED'

/** Where the cluster is, or who we are there, can't be told. The message says what to do. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly code: LoadErrorCode

  constructor(code: LoadErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
