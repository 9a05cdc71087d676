import type { Json } from '../json.ts'

/** Longest part of a user's value that a message quotes, in characters. */
const QUOTED_LENGTH = 60

/** Why a Deployment was treated as it was. The key is the metric's label, the log field and what `explain` prints. */
export const INJECTION_REASONS = {
  injected: 'the migration was injected',
  'user-parts-unchanged': 'the injected parts stay as they are, since you changed nothing in the pod template',
  'released-wrapper': 'it already has a released version of the wrapper and keeps it',
  'annotation-removed': 'all injected parts were removed, since the annotation migrate.io/command is gone',
  'not-opted-in': 'all injected parts were removed, since the namespace has not opted in',
  'no-annotation': 'it has no annotation migrate.io/command',
  'not-injected': 'it has no injected parts',
  'being-deleted': 'it is being deleted',
  'old-faults': 'it had problems before this change and still has them, so it was left as it is',
  'unknown-annotation': 'it has an unknown migrate.io/ annotation',
  'bad-value': 'an annotation has a value that is not allowed',
  'missing-container': 'migrate.io/container names a container that its pod template does not have',
  'name-clash': 'it uses a name or a path that the injected parts need',
  'state-in-template': 'its pod template carries state that only the controller writes',
  windows: 'its pods run on Windows, where the wrapper cannot run',
  'no-grace-period': 'its pods have no grace period, so migrate.io could not see when an interrupted run has ended',
  malformed: 'it is not a Deployment as Kubernetes defines it',
} as const

export type InjectionReason = keyof typeof INJECTION_REASONS

/** Something that stands in the way of an injection. */
export interface Problem {
  readonly reason: InjectionReason
  /** Where it is, as a person would look for it. */
  readonly path: string
  /** What was seen, what is allowed and what to do. */
  readonly message: string
  /** What is wrong and with which value, wherever it stands: the same fault in two objects has the same. */
  readonly identity: string
}

export function problemText(problem: Problem): string {
  return `${problem.path}: ${problem.message}`
}

/** A value as messages quote it, cut where it is long. */
export function quote(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length <= QUOTED_LENGTH ? text : `${text.slice(0, QUOTED_LENGTH)}…`
}

/** What two reports of the same fault have in common. */
export function identify(...parts: readonly (Json | undefined)[]): string {
  return JSON.stringify(parts)
}

/** The candidate that `word` was most likely meant to be; undefined where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, word.length / 3) ? best.candidate : undefined
}

/** How many letters to add, drop or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  // Names that matter here are short; a long one is near to none of them.
  if (Math.abs(a.length - b.length) > 8) return Number.POSITIVE_INFINITY
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
