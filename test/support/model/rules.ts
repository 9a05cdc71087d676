/** What the protocol rests on. Each can be left out, which must give a violation. */
export const RULES = {
  holderCas: 'the holder is taken by compare-and-swap',
  grantCas: 'run n is written by compare-and-swap on the pod',
  giveUpFirst: 'wait n is written before an ungranted number is given up',
  neverDown: 'the number in the annotation never goes down',
  claim: 'a run number is claimed in the state volume before use',
  evidence: 'only an exit with the run number in its message ends a run',
  oneWrite: 'record and release are one write',
  onlyHolder: 'success is recorded only by and for the present holder',
  fence: 'a lost lock is settled only after every pod that could be granted was told to wait',
  confirm: 'the lock is read once more between the pod and its grant',
  blankFirst: 'a lost lock is created blank before the pods are looked at',
  noteSkip: 'a wrapper that a record let through notes it, and never runs anything after that',
  firstLook: 'a number that is there at the first look since its node started counts as used',
} as const

export type Rule = keyof typeof RULES

/** The size of the world, and what may go wrong in it how often. */
export interface Options {
  readonly pods: number
  /** Numbers above it are not given out. */
  readonly maxNumber: number
  readonly failures: number
  readonly kills: number
  readonly deletions: number
  readonly losses: number
  /** Times that a pod's node starts again, which starts its containers from the first one. */
  readonly sandboxes: number
  readonly evictions: number
  /** Times that a command takes its run number out of its termination message. */
  readonly overwrites: number
  /** Times that a node's power fails, and with it goes what its pod noted. */
  readonly powerLosses?: number
  /** Whether kubelet may project what it knew before. */
  readonly oldFiles: boolean
  /** The revision of each pod, from 0; one for all where left out. */
  readonly revisions?: readonly number[]
  /** The highest number given out at the start, to pods that are gone. */
  readonly startNumber?: number
  /** A pod may see a record of its revision that is not there: an older Deployment's, or one that was taken away. */
  readonly oldRecords?: boolean
  readonly without?: Rule
}

const BASE: Options = {
  ...{ pods: 2, maxNumber: 3, failures: 1, kills: 0, deletions: 0, losses: 0, sandboxes: 0, evictions: 0 },
  overwrites: 0,
  oldFiles: false,
}
const SMALL: Options = { ...BASE, maxNumber: 2, failures: 0 }

/** One small configuration per feature, never their product. */
export const CONFIGURATIONS: Readonly<Record<string, { readonly options: Options; readonly isQuick: boolean }>> = {
  'runs that fail': { options: { ...BASE, maxNumber: 2 }, isQuick: true },
  'more runs that fail': { options: BASE, isQuick: false },
  'pods that are deleted': { options: { ...BASE, maxNumber: 2, deletions: 1 }, isQuick: true },
  'wrappers that are killed, old files': { options: { ...SMALL, kills: 1, oldFiles: true }, isQuick: true },
  'a lock that is lost': { options: { ...SMALL, losses: 1 }, isQuick: true },
  'a lock that is lost twice': { options: { ...SMALL, losses: 2 }, isQuick: false },
  'a lock that is lost while runs fail': { options: { ...SMALL, failures: 1, losses: 1 }, isQuick: false },
  'nodes that start again': { options: { ...SMALL, failures: 1, sandboxes: 1 }, isQuick: false },
  'old records': { options: { ...BASE, maxNumber: 2, oldRecords: true }, isQuick: false },
  'nodes that start again, old records': {
    options: { ...SMALL, sandboxes: 1, oldRecords: true },
    isQuick: false,
  },
  'nodes whose power fails': { options: { ...SMALL, powerLosses: 1 }, isQuick: false },
  'pods that are evicted': { options: { ...SMALL, failures: 1, evictions: 1 }, isQuick: true },
  'commands that overwrite their run number': {
    options: { ...SMALL, overwrites: 1, oldFiles: true },
    isQuick: true,
  },
  'two revisions': { options: { ...BASE, maxNumber: 2, revisions: [0, 1] }, isQuick: true },
}

/** What a left-out rule needs to show itself. */
export const NEEDED: { readonly [R in Rule]: Options } = {
  holderCas: BASE,
  grantCas: { ...BASE, maxNumber: 2, failures: 0 },
  giveUpFirst: { ...BASE, maxNumber: 2, failures: 0 },
  neverDown: BASE,
  claim: BASE,
  evidence: { ...BASE, kills: 1, maxNumber: 2 },
  oneWrite: SMALL,
  onlyHolder: { ...BASE, maxNumber: 2, deletions: 1 },
  fence: { ...SMALL, losses: 1 },
  confirm: { ...SMALL, losses: 1, startNumber: 1 },
  blankFirst: { ...SMALL, losses: 2, maxNumber: 3 },
  noteSkip: { ...SMALL, sandboxes: 1, oldRecords: true },
  firstLook: { ...SMALL, powerLosses: 1 },
}
