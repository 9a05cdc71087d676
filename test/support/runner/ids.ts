import type { Level } from './level.ts'

/**
 * The ids of docs/requirements.md that are built, each with the levels at which it needs a passing test; a test of another
 * level does not stand in for one. None may be skipped.
 */
export const REQUIRED_IDS: Readonly<Record<string, readonly Level[]>> = {
  A1: ['api'],
  A2: ['unit'],
  A3: ['unit', 'api'],
  A4: ['api'],
  A5: ['api'],
  A6: ['api'],
  A7: ['unit', 'api'],
  A8: ['unit', 'api'],
  A9: ['node'],
  A10: ['unit', 'node'],
  A11: ['unit', 'api'],
  A12: ['unit'],
  A13: ['api'],
  W1: ['unit', 'node'],
  W2: ['unit', 'node'],
  W3: ['node'],
  W4: ['node'],
  W5: ['unit', 'node'],
  W6: ['unit', 'node'],
  L1: ['node'],
  L2: ['node'],
  L3: ['unit', 'node'],
  L4: ['node'],
  L5: ['unit', 'node'],
  L6: ['unit', 'node'],
  L7: ['unit'],
  L8: ['unit', 'node'],
  L9: ['node'],
  S1: ['unit', 'api'],
  S2: ['api'],
  S3: ['unit', 'node'],
  S4: ['unit'],
  S5: ['unit'],
  O1: ['unit', 'api'],
  O2: ['unit', 'node'],
  O3: ['unit', 'api'],
  O4: ['unit', 'api', 'node'],
  O5: ['unit', 'node'],
  P2: ['unit', 'api'],
  A14: ['unit', 'api'],
  A15: ['unit'],
  A16: ['unit'],
  W7: ['unit', 'node'],
  W8: ['unit', 'node'],
  W9: ['unit'],
  L11: ['unit', 'node'],
  L12: ['unit', 'api'],
  L13: ['unit', 'node'],
  L14: ['unit', 'node'],
  S6: ['unit', 'api'],
  N1: ['api'],
}

/** Of one id, for regular expressions. */
export const ID = '[AWLSOPNU]\\d{1,2}'

/** The ids that a test's name begins with: `A7: …` or `A2, A7: …`. */
export function idsOf(testName: string): readonly string[] {
  const head = new RegExp(`^(${ID}(?:, ${ID})*):`).exec(testName)?.[1]
  return head === undefined ? [] : head.split(', ')
}

/** Matches the names of the tests of any of the ids, whose title begins as said. */
export function patternOf(ids: readonly string[], title = ''): string {
  return `^(${ID}, )*(${ids.join('|')})(, ${ID})*: ${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`
}
