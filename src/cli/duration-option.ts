import { InvalidArgumentError } from 'commander'
import { DURATION_ALLOWED, parseDuration } from '../injection/annotations.ts'

/** Seconds. @throws InvalidArgumentError that says what is allowed */
export function duration(text: string): number {
  const seconds = parseDuration(text)
  if (seconds !== undefined) return seconds
  throw new InvalidArgumentError(`Allowed: ${DURATION_ALLOWED}.`)
}
