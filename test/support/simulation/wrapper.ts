/** What kubelet projects into a pod: texts of files; undefined where there is none. */
export interface WrapperFiles {
  readonly grant: string | undefined
  readonly revision: string | undefined
  /** Of the pod's own revision. */
  readonly completed: string | undefined
}

export type WrapperStep =
  | { readonly kind: 'waits' }
  /** From here on it is the command. */
  | { readonly kind: 'runs'; readonly number: number }
  | { readonly kind: 'exits'; readonly code: 0 | 75 | 78 }

/** What outlives a container in its pod's state volume, unless its node's power fails. */
export interface WrapperState {
  claimed: number
  /** A record let it through. */
  skipped: boolean
  /** The last boot of its node in which a wrapper looked at its files. */
  boot: number
}

export const NOTHING_NOTED: WrapperState = { claimed: 0, skipped: false, boot: 0 }

/** Planted mistakes, which a simulation must find. */
export interface Mistakes {
  /** It uses a number again. */
  readonly forgetsClaims?: boolean
  /** It takes a number for new that was there before its first look. */
  readonly ignoresFirstLook?: boolean
}

/**
 * The state machine of src/injection/wrapper.sh: one instance of the container. Time passes only by `waitOut`, which
 * stands for the 60 s after which an unchanged number that was used before is given back, and so for the 5 s after which a
 * pod without a revision gives up.
 */
export class SimulatedWrapper {
  message = ''
  readonly #state: WrapperState
  readonly #boot: number
  readonly #mistakes: Mistakes
  #hasLooked = false
  #stale: string | undefined
  #isUnlabelled = false
  #pending: { readonly number: number; step: 'claim' | 'message' } | undefined

  /** @param boot of its node: from 1 */
  constructor(state: WrapperState, boot: number, mistakes: Mistakes = {}) {
    this.#state = state
    this.#boot = boot
    this.#mistakes = mistakes
    // Read once, at the start.
    this.#claimed = mistakes.forgetsClaims === true ? 0 : state.claimed
  }
  #claimed: number

  /** One turn of the loop, or one of the steps from the decision to run up to the command. */
  look(files: WrapperFiles): WrapperStep {
    if (this.#pending !== undefined) return this.#goOn(this.#pending)
    if (this.#state.skipped) return { kind: 'exits', code: 0 }
    const { revision, grant } = files
    const line = firstLine(grant)
    if (line === 'skip' || (firstLine(revision) !== '' && (files.completed ?? '') !== '')) {
      this.#state.skipped = true
      return { kind: 'exits', code: 0 }
    }
    const number = /^run ([1-9][0-9]*)$/.exec(line)?.[1]
    if (!this.#hasLooked && this.#firstLook(Number(number ?? 0))) return { kind: 'exits', code: 75 }
    this.#isUnlabelled = revision !== undefined && firstLine(revision) === ''
    // Without a revision no number counts, used or not.
    const digits = firstLine(revision) === '' ? undefined : number
    if (digits !== undefined && Number(digits) > this.#claimed) {
      this.#pending = { number: Number(digits), step: 'claim' }
      return { kind: 'waits' }
    }
    this.#stale = digits
    return { kind: 'waits' }
  }

  /**
   * In a boot in which nothing is noted yet, a number that is there already may be one whose claim a power loss took.
   * @returns whether it gives that one back
   */
  #firstLook(number: number): boolean {
    this.#hasLooked = true
    const isToGiveBack = this.#state.boot !== this.#boot && number > this.#claimed
    if (this.#mistakes.ignoresFirstLook === true) return false
    // In this order: the claim is there when the boot is noted.
    if (isToGiveBack) this.#state.claimed = Math.max(number, this.#state.claimed)
    this.#state.boot = this.#boot
    if (isToGiveBack) this.message = `stale ${number} unknown`
    return isToGiveBack
  }

  #goOn(pending: { readonly number: number; step: 'claim' | 'message' }): WrapperStep {
    const { number } = pending
    if (pending.step === 'claim') {
      if (this.#mistakes.forgetsClaims !== true) this.#state.claimed = Math.max(number, this.#state.claimed)
      pending.step = 'message'
      return { kind: 'waits' }
    }
    this.message = `run ${number}`
    return { kind: 'runs', number }
  }

  /** Whether it has decided to run and is on the way. */
  get isStarting(): boolean {
    return this.#pending !== undefined
  }

  /** A minute in which the grant stays as it is: a used number is given back. */
  waitOut(files: WrapperFiles): WrapperStep {
    const [seen, wasUnlabelled] = [this.#stale, this.#isUnlabelled]
    const step = this.look(files)
    if (step.kind === 'waits' && wasUnlabelled && this.#isUnlabelled) {
      this.message = 'no pod of a Deployment: it has no label pod-template-hash'
      return { kind: 'exits', code: 78 }
    }
    if (step.kind !== 'waits' || this.isStarting || seen === undefined || this.#stale !== seen) return step
    this.message = `stale ${seen}`
    return { kind: 'exits', code: 75 }
  }
}

/** As the shell's `read` has it. */
function firstLine(text: string | undefined): string {
  return (text ?? '').split('\n', 1)[0] ?? ''
}
