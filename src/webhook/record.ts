import type { Decision } from '../injection/decision.ts'
import { REASONS } from '../injection/reasons.ts'
import { isObject, type Json, type JsonObject } from '../json.ts'
import type { Logs } from '../observability/logs.ts'
import type { Question } from './review.ts'

const NAME_MAX_CHARACTERS = 253 // Kubernetes' own limit; admission sees objects before that is checked

/** One line per decision: who, what, why. Never a text from the object but its names, nor warnings or problems, which quote values. */
export function logDecision(logs: Logs, question: Question & { readonly kind: 'change' }, decision: Decision): void {
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
    REASONS[decision.reason],
  )
}

/** Namespace and name as the request has them; `generateName` with a star where the API server will make up the rest. */
export function names(object: JsonObject): { namespace: string; deployment: string } {
  const metadata = object.metadata
  if (!isObject(metadata)) return { namespace: '', deployment: '' }
  const generated = text(metadata.generateName)
  return { namespace: text(metadata.namespace), deployment: text(metadata.name) || (generated && `${generated}*`) }
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.slice(0, NAME_MAX_CHARACTERS) : ''
}
