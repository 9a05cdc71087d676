import { idsOf, REQUIRED_IDS } from './ids.ts'
import { LEVELS, type Level } from './level.ts'

type Outcome = 'passed' | 'failed' | 'skipped'
type Counts = Record<Outcome, number>

/** What a test, or a suite of tests, came to. */
export interface Result {
  readonly outcome: Outcome
  readonly level: Level
  readonly isSuite: boolean
}

/** What each id of docs/requirements.md was shown by, and all tests together. */
export class Table {
  readonly #required: Readonly<Record<string, readonly Level[]>>
  readonly #ids = new Map<string, Counts>()
  /** Of each id: where a test of it passed. */
  readonly #passedAt = new Map<string, Set<Level>>()
  readonly #total: Counts = { passed: 0, failed: 0, skipped: 0 }

  constructor(required: Readonly<Record<string, readonly Level[]>> = REQUIRED_IDS) {
    this.#required = required
  }

  /** A suite counts only for its ids, and only where it failed: its tests count by themselves. */
  count(name: string, { outcome, level, isSuite }: Result): void {
    if (!isSuite) this.#total[outcome]++
    for (const id of idsOf(name)) {
      const counts = this.#ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
      if (!isSuite || outcome === 'failed') counts[outcome]++
      this.#ids.set(id, counts)
      const passedAt = this.#passedAt.get(id) ?? new Set()
      if (!isSuite && outcome === 'passed') passedAt.add(level)
      this.#passedAt.set(id, passedAt)
    }
  }

  /**
   * Each id in a line, with the levels at which it has to be shown.
   * @param ran - the levels of which all tests were run; only then it says what is missing
   */
  text(ran: readonly Level[]): string {
    const known = new Set<string>([...Object.keys(this.#required), ...this.#ids.keys()])
    const lines = [...known].toSorted(byId).flatMap((id) => {
      const { passed, failed, skipped } = this.#counts(id)
      if (passed + failed + skipped === 0 && !this.#isAsked(id, ran)) return []
      const notes = [this.#fault(id, ran), this.#leftOut(id, ran)].filter((note) => note !== undefined)
      const note = notes.length > 0 ? `  <- ${notes.join('; ')}` : ''
      const needs = this.#levels(id).join(', ')
      return [
        `${`${id.padEnd(5)} ${pad(passed)} ${pad(failed)} ${pad(skipped).padStart(7)}  ${needs}`.trimEnd()}${note}\n`,
      ]
    })
    return `\nid    passed failed skipped  needs\n${lines.join('')}${this.sum()}`
  }

  /** All tests together in a line. */
  sum(): string {
    const { passed, failed, skipped } = this.#total
    const isEmpty = passed + failed + skipped === 0
    return `\n${isEmpty ? 'no test was run' : `${passed} passed, ${failed} failed, ${skipped} skipped`}\n`
  }

  /** Whether nothing failed and each required id was shown at each level of which all tests were run. */
  isGood(ran: readonly Level[]): boolean {
    const { passed, failed } = this.#total
    return failed === 0 && passed > 0 && Object.keys(this.#required).every((id) => this.#fault(id, ran) === undefined)
  }

  #counts(id: string): Readonly<Counts> {
    return this.#ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
  }

  #levels(id: string): readonly Level[] {
    return Object.hasOwn(this.#required, id) ? (this.#required[id] ?? []) : []
  }

  /** What runs nightly is asked for nothing but what must. */
  #isAsked(id: string, ran: readonly Level[]): boolean {
    return ran.includes('nightly') ? this.#levels(id).includes('nightly') : ran.length > 0
  }

  /** Why the id does not count as shown. */
  #fault(id: string, ran: readonly Level[]): string | undefined {
    const levels = this.#levels(id).filter((level) => ran.includes(level))
    const missing = levels.filter((level) => this.#passedAt.get(id)?.has(level) !== true)
    if (missing.length > 0) return `no test has shown it: ${missing.join(', ')}`
    return levels.length > 0 && this.#counts(id).skipped > 0 ? 'a test of it was skipped' : undefined
  }

  /** What remains to be shown, by another run. */
  #leftOut(id: string, ran: readonly Level[]): string | undefined {
    const levels =
      ran.length === 0 || ran.includes('nightly') ? [] : this.#levels(id).filter((level) => !ran.includes(level))
    return levels.length > 0 ? `not run: ${LEVELS.filter((level) => levels.includes(level)).join(', ')}` : undefined
  }
}

function pad(value: number): string {
  return String(value).padStart(6)
}

function byId(a: string, b: string): number {
  return a.charCodeAt(0) - b.charCodeAt(0) || Number(a.slice(1)) - Number(b.slice(1))
}
