import type { Pod } from '../kube/objects.ts'
import { AUTOSCALER_MARKS, GRANT_ANNOTATION, MARKS_ANNOTATION } from '../names.ts'

/** What a pod was told, as its annotation says. The wrapper reads the same text from a file. */
export type Grant =
  | { readonly kind: 'none' }
  /** `lock`: the named lock that the run was given too. Undefined where there is none, or an earlier version wrote it. */
  | { readonly kind: 'run'; readonly number: number; readonly lock?: string }
  | { readonly kind: 'wait'; readonly number: number }
  | { readonly kind: 'skip' }
  | { readonly kind: 'unreadable' }

export type RunGrant = Extract<Grant, { kind: 'run' }>

/** Above it no number is given out: shells count in 64 bits and JavaScript exactly up to 2^53. */
export const MAX_RUN_NUMBER = 999_999_999_999_999

const FORM = /^(run|wait) ([1-9]\d{0,14})$/
/** A second line, which no wrapper reads. In the same annotation, so that it can't be about another number. */
const LOCK = /^lock ([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)$/

/** Reads the annotation. Its first line as the wrapper does, with nothing around it. */
export function parseGrant(text: string | undefined): Grant {
  const [line = '', second = ''] = (text ?? '').split('\n')
  if (line === '') return { kind: 'none' }
  if (line === 'skip') return { kind: 'skip' }
  const [, kind, digits] = FORM.exec(line) ?? []
  if (kind !== 'run' && kind !== 'wait') return { kind: 'unreadable' }
  const number = Number(digits)
  if (kind === 'wait') return { kind, number }
  const [, lock] = LOCK.exec(second) ?? []
  return { kind, number, ...(lock === undefined ? {} : { lock }) }
}

export function formatGrant(grant: Exclude<Grant, { kind: 'none' | 'unreadable' }>): string {
  if (grant.kind === 'skip') return 'skip'
  const first = `${grant.kind} ${grant.number}`
  return grant.kind === 'run' && grant.lock !== undefined ? `${first}\nlock ${grant.lock}` : first
}

export function grantOf(pod: Pod): Grant {
  return parseGrant(pod.metadata.annotations?.[GRANT_ANNOTATION])
}

/** The highest run number that was ever decided on this pod: it never goes down. 0 where none was. */
export function decidedNumber(grant: Grant): number {
  return grant.kind === 'run' || grant.kind === 'wait' ? grant.number : 0
}

/**
 * Whether it is decided for good that this pod may or may not use a run number:
 * - run: it may, once
 * - never: it was told to wait for a higher one, or to skip
 * - open: a compare-and-swap on the pod can still decide it either way
 */
export function decisionOn(number: number, grant: Grant): 'run' | 'never' | 'open' {
  if (grant.kind === 'skip') return 'never'
  if (grant.kind === 'run' && grant.number === number) return 'run'
  return decidedNumber(grant) >= number ? 'never' : 'open'
}

/**
 * Annotations that keep the autoscalers away from a pod while it holds the lock: disruption budgets don't protect a pod in its
 * init container. A third one says which of the marks the controller set: one that the user set stays as it is.
 */
export function marksOn(pod: Pod): Record<string, string> {
  const present = pod.metadata.annotations ?? {}
  if (present[MARKS_ANNOTATION] !== undefined) return {}
  const missing = Object.entries(AUTOSCALER_MARKS).filter(([key]) => present[key] === undefined)
  if (missing.length === 0) return {}
  return { ...Object.fromEntries(missing), [MARKS_ANNOTATION]: missing.map(([key]) => key).join(',') }
}

/** Annotations that take those marks off; empty where there are none. */
export function marksOff(pod: Pod): Record<string, null> {
  const present = pod.metadata.annotations ?? {}
  const marks = present[MARKS_ANNOTATION]
  if (marks === undefined) return {}
  const named = new Set(marks.split(','))
  // One that was given another value in the meantime belongs to another writer by now.
  const keys = Object.entries(AUTOSCALER_MARKS)
    .filter(([key, value]) => named.has(key) && present[key] === value)
    .map(([key]) => key)
  return Object.fromEntries([...keys, MARKS_ANNOTATION].map((key) => [key, null]))
}
