import type { DeploymentChange } from '../injection/decide.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'

const VERSION = 'admission.k8s.io/v1'
const OPERATIONS = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const
const UID_MAX_CHARACTERS = 128 // the API server sends 36; it is echoed and logged

type Operation = (typeof OPERATIONS)[number]

/** What an AdmissionReview asks. `not-ours` is let through as it is: the webhook configuration should not have sent it. */
export type AdmissionRequest =
  | (Asked & { readonly kind: 'change'; readonly change: Omit<DeploymentChange, 'optedIn'> })
  | (Asked & { readonly kind: 'not-ours'; readonly warnings: readonly string[] })

interface Asked {
  readonly uid: string
  readonly operation: Operation
  readonly dryRun: boolean
}

/**
 * Reads an `admission.k8s.io/v1` AdmissionReview. The objects in it are handed on as they came, not copied or checked.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#request
 *
 * @throws RequestError (400) that says what was seen and what is allowed.
 */
export function readReview(body: Json): AdmissionRequest {
  if (!isObject(body)) throw malformed(`The body must be an AdmissionReview object, but is ${nameOf(body)}.`)
  if (body.kind !== 'AdmissionReview') {
    throw malformed(`The body must be of kind AdmissionReview, but its kind is ${shown(body.kind)}.`)
  }
  if (body.apiVersion !== VERSION) {
    throw new RequestError(
      400,
      'review-version',
      `The review is of apiVersion ${shown(body.apiVersion)}, but only ${VERSION} is served: set admissionReviewVersions: ["v1"] in the webhook configuration.`,
    )
  }
  const request = body.request
  if (!isObject(request)) throw malformed(`The review's request must be an object, but is ${nameOf(request)}.`)
  const { uid, operation, object, oldObject } = request
  if (typeof uid !== 'string' || uid === '' || uid.length > UID_MAX_CHARACTERS) {
    throw malformed(`request.uid must be a text of 1 to ${UID_MAX_CHARACTERS} characters.`)
  }
  if (!isOperation(operation)) {
    throw malformed(`request.operation must be one of ${OPERATIONS.join(', ')}, but is ${shown(operation)}.`)
  }
  const asked = { uid, operation, dryRun: request.dryRun === true }
  if (operation === 'DELETE' || operation === 'CONNECT') return { kind: 'not-ours', ...asked, warnings: [] }
  if (!isDeployment(request)) return { kind: 'not-ours', ...asked, warnings: [notADeployment(request)] }
  if (!isObject(object)) throw malformed(`request.object must be an object on ${operation}, but is ${nameOf(object)}.`)
  if (operation === 'CREATE') return { kind: 'change', ...asked, change: { object } }
  if (!isObject(oldObject))
    throw malformed(`request.oldObject must be an object on UPDATE, but is ${nameOf(oldObject)}.`)
  return { kind: 'change', ...asked, change: { object, oldObject } }
}

/** Whether it is an apps/v1 Deployment itself: not a subresource such as `scale` or `status`, and no other version. */
function isDeployment(request: JsonObject): boolean {
  const kind = request.kind
  const whole = request.subResource === undefined || request.subResource === ''
  return whole && isObject(kind) && kind.group === 'apps' && kind.version === 'v1' && kind.kind === 'Deployment'
}

// A warning, since a webhook configuration that sends us other people's objects makes them wait for us.
function notADeployment(request: JsonObject): string {
  const kind = isObject(request.kind) ? request.kind : {}
  const part = typeof request.subResource === 'string' && request.subResource !== '' ? `/${request.subResource}` : ''
  const seen = `${text(kind.group) || 'core'}/${text(kind.version)} ${text(kind.kind)}${part}`
  return `migrate.io handles apps/v1 Deployments only and left this ${seen} as it is; its webhook configuration should not send it.`
}

function isOperation(value: Json | undefined): value is Operation {
  return OPERATIONS.some((operation) => operation === value)
}

function malformed(message: string): RequestError {
  return new RequestError(400, 'review-malformed', message)
}

function nameOf(value: Json | undefined): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

// Short enough that nobody's data comes back in an error message.
function shown(value: Json | undefined): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : nameOf(value)
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.slice(0, 40) : ''
}

/** A call that can't be answered with an AdmissionReview. The message is sent to the caller: whole sentences, nothing internal. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly statusCode: 400 | 408 | 411 | 413 | 415 | 429
  readonly code: RequestErrorCode

  constructor(statusCode: 400 | 408 | 411 | 413 | 415 | 429, code: RequestErrorCode, message: string) {
    super(message)
    this.statusCode = statusCode
    this.code = code
  }
}

/** The reason as a metric's label and log field: bounded, unlike the message. */
type RequestErrorCode =
  | 'body-aborted'
  | 'body-empty'
  | 'body-not-json'
  | 'body-too-deep'
  | 'body-too-large'
  | 'body-too-many-values'
  | 'body-too-slow'
  | 'content-type'
  | 'length-required'
  | 'review-malformed'
  | 'review-version'
  | 'too-many-bodies'
