import { performance } from 'node:perf_hooks'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createFastify, type ServerParts } from '../http/fastify.ts'
import { addHealth, addMetrics, type NotReady } from '../http/health.ts'
import type { DeploymentChange, InjectionDecision } from '../injection/decide.ts'
import { INJECTION_REASONS } from '../injection/reasons.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import { INJECTION_LABEL } from '../names.ts'
import { errorFields, type Logs } from '../observability/logs.ts'
import type { AdmissionLabels, WebhookMetrics } from '../observability/webhook-metrics.ts'
import { allowed, denied, patchBetween } from './answer.ts'
import { isTooDeep, readJsonBodies } from './bodies.ts'
import { type AdmissionRequest, RequestError, readReview } from './review.ts'

const DENIAL_HEADING = 'migrate.io refuses this Deployment:'
const NOT_OPTED_IN = `the injected migration was removed, which starts a rollout: the namespace is not labelled ${INJECTION_LABEL}=enabled`
const NAME_MAX_CHARACTERS = 253 // Kubernetes' own limit; admission sees objects before that is checked

export interface AppParts extends ServerParts {
  /** The domain. */
  readonly decide: (change: DeploymentChange) => InjectionDecision
  readonly metrics: WebhookMetrics
  readonly logs: Logs
  readonly notReady: NotReady
  /** While true, whoever calls is asked to come back on a new connection, which then reaches another replica. */
  readonly isDraining: () => boolean
  /** Whether this app serves `/metrics`; false where a port of its own does. */
  readonly servesMetrics: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** When the header had arrived, in performance.now() milliseconds. */
    startedAtMs: number
  }
}

/** The webhook as a fastify app: `/mutate` for namespaces that opted in, `/strip` for all others, and health. */
export function buildApp(parts: AppParts): FastifyInstance {
  const { decide, metrics, logs, notReady, isDraining, servesMetrics, ...serverParts } = parts
  const app = createFastify(serverParts)
  app.removeAllContentTypeParsers()
  app.decorateRequest('startedAtMs', 0)
  app.addHook('onRequest', (request, reply, next) => {
    request.startedAtMs = performance.now()
    letGo(reply)
    next()
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((_request, reply) =>
    reply
      .code(404)
      .type('text/plain')
      .send('The routes are POST /mutate, POST /strip, GET /healthz and GET /readyz.\n'),
  )
  addHealth(app, notReady)
  if (servesMetrics) addMetrics(app, metrics)
  app.register(async (scope) => {
    readJsonBodies(scope)
    scope.post('/mutate', (request, reply) => admit(request, reply, true))
    scope.post('/strip', (request, reply) => admit(request, reply, false))
  })
  return app

  /** AdmissionReview → Deployment → decision → patch → AdmissionReview. */
  function admit(request: FastifyRequest, reply: FastifyReply, optedIn: boolean): FastifyReply {
    const question = readReview(request.body as Json)
    const { uid, operation } = question
    if (question.kind === 'not-ours') {
      count(request, { operation, outcome: 'untouched', reason: 'not-ours' })
      return send(request, reply, allowed(uid, '', question.warnings))
    }
    const { change } = question
    const decision = decide({ ...change, optedIn })
    const warnings = decision.kind === 'stripped' && !optedIn ? [NOT_OPTED_IN, ...decision.warnings] : decision.warnings
    const answer =
      decision.kind === 'refused'
        ? denied(uid, DENIAL_HEADING, decision.problems, warnings)
        : allowed(uid, patchBetween(change.object, decision.deployment), warnings)
    count(request, { operation, outcome: decision.kind, reason: decision.reason })
    logDecision(logs, question, decision)
    return send(request, reply, answer)
  }

  /** 4xx with a reason for what can't be answered; 500 for a fault of ours, on which the API server applies failurePolicy. */
  function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const refusal = refusalOf(error, request.body)
    const reason = refusal?.reason ?? 'internal'
    if (request.method === 'POST') count(request, { operation: 'none', outcome: 'error', reason })
    if (refusal) {
      logs.info({ path: request.routeOptions.url, status: refusal.status, reason }, 'a request was rejected')
      // The rest of the body is not waited for.
      if (refusal.status === 408 || refusal.status === 429) reply.header('connection', 'close')
      return reply.code(refusal.status).type('text/plain').send(`${refusal.message}\n`)
    }
    logs.error(
      { path: request.routeOptions.url, ...blamed(request.body), error: errorFields(error) },
      'a request failed',
    )
    return reply.code(500).type('text/plain').send('migrate.io failed on this request; see its log.\n')
  }

  function send(request: FastifyRequest, reply: FastifyReply, review: string): FastifyReply {
    // Let go of the body now: until the answer is written, one for each connection would live through garbage collections.
    request.body = undefined
    letGo(reply) // it may have begun while this call was read
    return reply.type('application/json').send(review) // text that is JSON already: fastify hands it on without another look
  }

  /** While draining, whoever calls is to come back on a new connection. */
  function letGo(reply: FastifyReply): void {
    if (isDraining()) reply.header('connection', 'close')
  }

  function count(request: FastifyRequest, labels: AdmissionLabels): void {
    metrics.admission(labels, (performance.now() - request.startedAtMs) / 1000)
  }
}

function refusalOf(error: unknown, body: unknown): { status: number; reason: string; message: string } | undefined {
  if (error instanceof RequestError) return { status: error.statusCode, reason: error.code, message: error.message }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500) return { status, reason: 'bad-request', message: 'The request is malformed.' }
  // Looked at only now: for each good call it would cost as much as the decision itself.
  if (isTooDeep(body)) return { status: 400, reason: 'body-too-deep', message: 'The object is nested too deeply.' }
  return undefined
}

/** The object that a failed call was about. */
function blamed(body: unknown): { namespace: string; deployment: string } | undefined {
  try {
    const question = readReview(body as Json)
    return question.kind === 'change' ? names(question.change.object) : undefined
  } catch {
    return undefined
  }
}

/** One line per decision: who, what, why. Never a text from the object but its names, nor warnings or problems, which quote values. */
function logDecision(
  logs: Logs,
  question: AdmissionRequest & { readonly kind: 'change' },
  decision: InjectionDecision,
): void {
  const notable = decision.kind === 'injected' || decision.kind === 'stripped' || decision.kind === 'refused'
  const level = notable || decision.warnings.length > 0 ? 'info' : 'debug'
  if (!logs.isLevelEnabled(level)) return
  logs[level](
    {
      ...names(question.change.object),
      operation: question.operation,
      outcome: decision.kind,
      reason: decision.reason,
      dryRun: question.dryRun,
      uid: question.uid,
      warnings: decision.warnings.length,
      ...(decision.kind === 'refused' && { problems: decision.problems.length }),
    },
    INJECTION_REASONS[decision.reason],
  )
}

/** Namespace and name as the request has them; `generateName` with a star where the API server will make up the rest. */
function names(object: JsonObject): { namespace: string; deployment: string } {
  const metadata = object.metadata
  if (!isObject(metadata)) return { namespace: '', deployment: '' }
  const generated = text(metadata.generateName)
  return { namespace: text(metadata.namespace), deployment: text(metadata.name) || (generated && `${generated}*`) }
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.slice(0, NAME_MAX_CHARACTERS) : ''
}
