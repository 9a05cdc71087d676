/** Which parts of the world may go wrong in a run, and how. Each seed draws its own, so that each is met alone and together. */
import type { Choices } from './random.ts'

export interface Schedule {
  readonly steps: number
  /** How many steps it has in peace, so that something is going on when things go wrong. */
  readonly calmSteps: number
  readonly replicas: number
  readonly isNameGenerated: boolean
  /** Two Deployments on one lock. */
  readonly hasNamedLock: boolean
  /** How likely each kind of step is, against the others. */
  readonly weights: {
    readonly controller: number
    readonly watch: number
    readonly kubelet: number
    readonly deployment: number
    readonly time: number
    readonly fault: number
  }
  readonly faults: readonly Fault[]
  /** How likely a controller comes to a long stop with each write, before or after it is carried out. */
  readonly stall: number
  /** For one controller each. */
  readonly traps: readonly Trap[]
  /** What was granted was granted by an earlier version, which did not write with it under which named lock. */
  readonly grantsNameNoLock: boolean
  /** Befall the pod whose command runs first, and its Deployment, one after the other. */
  readonly raid: Raid | undefined
}

export interface Raid {
  /** While its command runs, or once that has ended. */
  readonly on: 'command' | 'end'
  readonly faults: readonly Fault[]
}

/** A controller stops for long at a certain kind of call, and at once something changes below its feet. */
export interface Trap {
  readonly call: RegExp
  readonly side: 'before' | 'after'
  readonly chance: number
  readonly faults: readonly Fault[]
}

const CALLS = [
  ...[/^tell \S+ run/, /^tell \S+ run/, /^tell \S+ wait/, /^create/, /^write ConfigMap deployment/],
  ...[/^write ConfigMap lock/, /^list Pod/, /^read Pod/, /^read Deployment/, /^read ConfigMap/],
]

export const FAULTS = [
  'crash',
  'no-answer',
  'pause',
  'command-fails',
  'kill',
  'pod-deleted',
  'pod-vanishes',
  'pod-evicted',
  'node-cut-off',
  'node-restarts',
  'power-loss',
  'old-files',
  'status-made-up',
  'phase-made-up',
  'new-revision',
  'earlier-revision',
  'scaled',
  'deployment-deleted',
  'deployment-orphaned',
  'record-deleted',
  'record-edited',
  'entry-removed',
  'lock-deleted',
  'lock-edited',
  'lock-renamed',
  'retries',
  'message-overwritten',
] as const

export type Fault = (typeof FAULTS)[number]

/** What makes a lock change hands while somebody still believes to have it. */
const TELLING: readonly Fault[] = [
  'pod-deleted',
  'new-revision',
  'record-deleted',
  'record-edited',
  'deployment-deleted',
  'lock-renamed',
  'lock-deleted',
  'node-restarts',
  'power-loss',
]

/** Of the two sides of a named lock. */
const DUELLING: readonly Fault[] = [
  'lock-deleted',
  'lock-deleted',
  'lock-edited',
  'record-deleted',
  'pod-deleted',
  'lock-renamed',
]
const DUEL_CALLS = [/^write ConfigMap lock/, /^tell \S+ run/, /^create ConfigMap lock/, /^read ConfigMap lock/, /^list/]

/** All that tells under which lock a run is: its Deployment's record, the lock's own, and the annotation, in any order. */
const RAIDS: readonly (readonly Fault[])[] = [
  ['record-deleted', 'lock-deleted', 'lock-renamed'],
  ['record-deleted', 'lock-deleted', 'lock-renamed'],
  ['record-edited', 'lock-edited', 'lock-renamed'],
  // Deleted, and created again.
  ['deployment-deleted', 'deployment-deleted', 'lock-deleted', 'lock-renamed'],
]

/** Two Deployments of one pod each, and hardly anything but their lock. */
function drawDuel(choices: Choices): Schedule {
  const hasRaid = choices.chance(0.4)
  const trap = (): Trap => ({ ...drawTrap(choices, DUEL_CALLS), faults: [choices.of(DUELLING), choices.of(DUELLING)] })
  return {
    steps: hasRaid ? 800 : 400,
    calmSteps: hasRaid ? 0 : choices.below(200),
    replicas: 1,
    isNameGenerated: false,
    hasNamedLock: true,
    weights: {
      controller: 12,
      watch: 2,
      kubelet: 5,
      deployment: 2,
      time: hasRaid ? 0.6 : 0.3,
      fault: choices.fraction() * (hasRaid ? 0.1 : 0.5) + (hasRaid ? 0 : 0.2),
    },
    faults: [choices.of(DUELLING), choices.of(DUELLING)],
    stall: choices.chance(0.5) ? 0.2 : 0,
    traps: hasRaid ? [] : [trap(), trap()],
    raid: hasRaid ? { on: 'command', faults: choices.shuffled(choices.of(RAIDS)) } : undefined,
    grantsNameNoLock: choices.chance(0.3),
  }
}

/** What makes a number old that a pod was granted, and a power loss that takes away that it was used. */
const BLACKOUTS: readonly (readonly Fault[])[] = [
  ['power-loss'],
  ['power-loss', 'power-loss'],
  ['entry-removed', 'scaled', 'power-loss'],
  ['record-deleted', 'power-loss'],
  ['deployment-deleted', 'deployment-deleted', 'power-loss'],
]

/** The power fails when a run has ended, or nearly so, and hardly anything else goes wrong. */
function drawBlackout(choices: Choices): Schedule {
  return {
    steps: 700,
    calmSteps: 0,
    replicas: choices.of([1, 2, 2]),
    isNameGenerated: choices.chance(0.3),
    hasNamedLock: choices.chance(0.3),
    weights: { controller: 10, watch: 2, kubelet: 8, deployment: 3, time: 0.3, fault: choices.fraction() * 0.1 },
    faults: [choices.of(TELLING), 'command-fails'],
    stall: choices.chance(0.5) ? 0.1 : 0,
    traps: [],
    grantsNameNoLock: false,
    raid: { on: 'end', faults: choices.shuffled(choices.of(BLACKOUTS)) },
  }
}

export function drawSchedule(choices: Choices): Schedule {
  if (choices.chance(0.2)) return drawDuel(choices)
  if (choices.chance(0.08)) return drawBlackout(choices)
  const hasTrap = choices.chance(0.5)
  const isFocused = choices.chance(0.6)
  const kinds = isFocused ? 1 + choices.below(3) : 3 + choices.below(6)
  const faults = Array.from({ length: kinds }, () => choices.of(choices.chance(0.4) ? TELLING : FAULTS))
  return {
    steps: hasTrap ? 500 + choices.below(300) : 300 + choices.below(200),
    calmSteps: choices.chance(0.3) ? 0 : choices.below(250),
    replicas: choices.of([1, 2, 2, 3]),
    isNameGenerated: choices.chance(0.1),
    hasNamedLock: choices.chance(0.25),
    weights: {
      controller: 5 + choices.below(12),
      watch: 0.5 + choices.below(4),
      kubelet: 4 + choices.below(10),
      deployment: 1 + choices.below(3),
      time: 0.1 + choices.fraction(),
      fault: choices.fraction() * (isFocused ? 0.7 : 2),
    },
    faults,
    stall: choices.chance(0.4) ? 0.02 + choices.fraction() * 0.3 : 0,
    traps: hasTrap ? [drawTrap(choices), drawTrap(choices)] : [],
    raid: undefined,
    grantsNameNoLock: choices.chance(0.1),
  }
}

function drawTrap(choices: Choices, calls = CALLS): Trap {
  return {
    call: choices.of(calls),
    side: choices.chance(0.7) ? 'before' : 'after',
    chance: choices.of([1, 0.5, 0.2]),
    faults: Array.from({ length: 1 + choices.below(3) }, () => choices.of(TELLING)),
  }
}
