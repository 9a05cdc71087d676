import type { Answer } from './failure.ts'

const TYPE_MAX_CHARACTERS = 60

/** What an answer is, for messages. Never what it holds: that may be an object with somebody's secrets in it. */
export function described({ status, contentType, length }: Pick<Answer, 'status' | 'contentType' | 'length'>): string {
  return `status ${status}, ${(contentType ?? 'of no type').slice(0, TYPE_MAX_CHARACTERS)}, ${length} characters`
}
