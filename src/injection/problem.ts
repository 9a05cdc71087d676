import type { Json } from '../json.ts'
import type { Reason } from './reasons.ts'

/** Something that stands in the way of an injection. */
export interface Problem {
  readonly reason: Reason
  /** Where it is, as a person would look for it. */
  readonly path: string
  /** What was seen, what is allowed and what to do. */
  readonly message: string
  /** What is wrong and with which value, wherever it stands: the same fault in two objects has the same. */
  readonly identity: string
}

/** Longest part of a user's value that a message quotes, in characters. */
const QUOTED_LENGTH = 60

/** A value as messages quote it, cut where it is long. */
export function quote(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= QUOTED_LENGTH ? text : `${text.slice(0, QUOTED_LENGTH)}…`
}

export function problemText(problem: Problem): string {
  return `${problem.path}: ${problem.message}`
}

/** What two reports of the same fault have in common. */
export function identify(...parts: readonly (Json | undefined)[]): string {
  return JSON.stringify(parts)
}
