import type { FastifyInstance } from 'fastify'
import type { InjectionDecision } from '../../../src/injection/decide.ts'
import { decideInjection } from '../../../src/injection/decide.ts'
import type { Json, JsonObject } from '../../../src/json.ts'
import { createLogs } from '../../../src/observability/logs.ts'
import { createWebhookMetrics } from '../../../src/observability/webhook-metrics.ts'
import { type AppParts, buildApp } from '../../../src/webhook/app.ts'

export interface TestApp {
  readonly app: FastifyInstance
  /** All that was logged, one JSON object a line. */
  readonly log: () => string
  readonly metrics: () => Promise<string>
  /** Sends a review as the API server does. */
  readonly send: (body: Json, path?: string) => Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** `response` of the AdmissionReview; empty if it was none. */
  readonly response: JsonObject
  /** The patch, decoded; undefined where there was none. */
  readonly patch: readonly JsonObject[] | undefined
}

/** The app with the real domain, which tests reach without a socket; `parts` stand in for others. */
export function testApp(parts: Partial<AppParts> = {}): TestApp {
  let lines = ''
  const metrics = createWebhookMetrics({ version: 'test', isReady: () => true })
  const logs = createLogs('debug', {
    write(line: string) {
      lines += line
    },
  })
  const app = buildApp({
    decide: decideInjection,
    metrics,
    logs,
    notReady: () => undefined,
    isDraining: () => false,
    servesMetrics: true,
    ...parts,
  })
  const send = async (body: Json, path = '/mutate') =>
    answerOf(await app.inject({ method: 'POST', url: path, headers: JSON_TYPE, payload: JSON.stringify(body) }))
  return { app, log: () => lines, metrics: () => metrics.text(), send }
}

export const JSON_TYPE = { 'content-type': 'application/json' }

export function answerOf({ statusCode, body }: { statusCode: number; body: string }): Answer {
  if (statusCode !== 200) return { status: statusCode, text: body, response: {}, patch: undefined }
  const { response } = JSON.parse(body) as { response: JsonObject & { patch?: string } }
  const patch = response.patch === undefined ? undefined : JSON.parse(Buffer.from(response.patch, 'base64').toString())
  return { status: statusCode, text: body, response, patch }
}

/** A decision that lets everything through with these warnings. */
export function warning(...warnings: string[]): AppParts['decide'] {
  return ({ object }): InjectionDecision => ({
    kind: 'untouched',
    reason: 'no-annotation',
    deployment: object,
    warnings,
  })
}
