import type { IncomingMessage } from 'node:http'
import type { Answer } from './failure.ts'

/** The answer as it came: JSON where it says so. */
export function answerOf(response: IncomingMessage, content: string): Answer {
  const { statusCode = 0, headers } = response
  const seconds = Number(headers['retry-after'])
  const isJson = headers['content-type']?.startsWith('application/json') ?? false
  return {
    status: statusCode,
    body: isJson ? JSON.parse(content) : content,
    retryAfterMs: headers['retry-after'] !== undefined && seconds >= 0 ? seconds * 1000 : undefined,
  }
}
