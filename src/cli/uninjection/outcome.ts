import type { Waited } from '../../uninject/until-rolled-out.ts'

/** What became of one Deployment. */
export type Outcome =
  | Waited
  | { readonly kind: 'not-awaited' }
  /** Nothing was changed. */
  | { readonly kind: 'failed'; readonly why: string }

/** Each outcome in words, and whether the user is left with something to do. */
const OUTCOMES: Readonly<Record<Outcome['kind'], { readonly words: string; readonly isTrouble: boolean }>> = {
  'rolled-out': { words: 'un-injected and rolled out', isTrouble: false },
  'not-awaited': { words: 'un-injected; its rollout goes on', isTrouble: false },
  paused: { words: 'un-injected; it is paused, so its pods stay as they are until it is resumed', isTrouble: false },
  gone: { words: 'deleted meanwhile', isTrouble: false },
  'put-back': {
    words:
      'un-injected, and injected again by somebody: take the annotations out of its manifest first (Git, Helm values)',
    isTrouble: true,
  },
  stuck: { words: 'un-injected, but its rollout does not get on', isTrouble: true },
  late: { words: 'un-injected, but not rolled out within --timeout', isTrouble: true },
  failed: { words: 'still injected', isTrouble: true },
}

export function outcomeInWords(outcome: Outcome): string {
  const { words } = OUTCOMES[outcome.kind]
  return 'why' in outcome ? `${words}: ${outcome.why}` : words
}

export function isTrouble({ kind }: Outcome): boolean {
  return OUTCOMES[kind].isTrouble
}
