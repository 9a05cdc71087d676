import type { IncomingMessage } from 'node:http'
import type { Answer } from './failure.ts'
import { described } from './failure.ts'

/** The answer as it came: JSON where it says so. Throws where that is not true. */
export function answerOf(response: IncomingMessage, content: string): Answer {
  const { statusCode = 0, headers } = response
  const seconds = Number(headers['retry-after'])
  const contentType = headers['content-type']
  const about = { status: statusCode, contentType, length: content.length }
  return {
    ...about,
    body: contentType?.startsWith('application/json') === true ? parsed(content, about) : content,
    retryAfterMs: headers['retry-after'] !== undefined && seconds >= 0 ? seconds * 1000 : undefined,
  }
}

/** V8's own message quotes what it can't read. */
function parsed(content: string, about: Parameters<typeof described>[0]): unknown {
  try {
    return JSON.parse(content)
  } catch {
    throw new Error(`an answer that is no JSON: ${described(about)}`)
  }
}
