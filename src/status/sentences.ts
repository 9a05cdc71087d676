import type { Reason } from './findings.ts'
import { POD_SENTENCES } from './sentences-pod.ts'
import { ROLLOUT_SENTENCES } from './sentences-rollout.ts'
import { RUN_SENTENCES } from './sentences-run.ts'
import type { Words } from './words.ts'

/** What a person is told: what is the matter, and what to do about it, one thing a line. */
export interface Told {
  readonly why: string
  readonly todo: readonly string[]
}

export type Sentences<R extends Reason> = { readonly [K in R]: (words: Words) => Told }

/** For each reason what it means for people who don't know this program. Nothing that a command or its environment says. */
export const SENTENCES: Sentences<Reason> = { ...RUN_SENTENCES, ...POD_SENTENCES, ...ROLLOUT_SENTENCES }
