import { idsOf, REQUIRED_IDS } from './ids.ts'

interface Shown {
  passed: number
  failed: number
  skipped: number
}

/** What each id of ACCEPTANCE.md was shown by, and all tests together. */
export class Table {
  readonly #ids = new Map<string, Shown>()
  readonly #total: Shown = { passed: 0, failed: 0, skipped: 0 }

  /** A suite counts only for its ids, and only where it failed: its tests count by themselves. */
  count(name: string, outcome: keyof Shown, isSuite: boolean): void {
    if (!isSuite) this.#total[outcome]++
    for (const id of idsOf(name)) {
      const shown = this.#ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
      if (!isSuite || outcome === 'failed') shown[outcome]++
      this.#ids.set(id, shown)
    }
  }

  /** Each id in a line, and what is missing of it where all tests were run. */
  text(isWhole: boolean): string {
    const known = new Set<string>([...REQUIRED_IDS, ...this.#ids.keys()])
    const lines = [...known].toSorted(byId).flatMap((id) => {
      const { passed, failed, skipped } = this.#shown(id)
      if (passed + failed + skipped === 0 && !isWhole) return []
      const note = isWhole && this.#isLacking(id) ? `  <- ${passed === 0 ? 'no test has shown it' : WAS_SKIPPED}` : ''
      return [`${id.padEnd(5)} ${pad(passed)} ${pad(failed)} ${pad(skipped).padStart(7)}${note}\n`]
    })
    const { passed, failed, skipped } = this.#total
    const sum =
      passed + failed + skipped === 0 ? 'no test was run' : `${passed} passed, ${failed} failed, ${skipped} skipped`
    return `\nid    passed failed skipped\n${lines.join('')}\n${sum}\n`
  }

  /** Whether nothing failed and, where all tests were run, each required id was shown. */
  isGood(isWhole: boolean): boolean {
    const { passed, failed } = this.#total
    return failed === 0 && passed > 0 && !(isWhole && REQUIRED_IDS.some((id) => this.#isLacking(id)))
  }

  #shown(id: string): Readonly<Shown> {
    return this.#ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
  }

  #isLacking(id: string): boolean {
    const { passed, skipped } = this.#shown(id)
    return REQUIRED_IDS.some((required) => required === id) && (passed === 0 || skipped > 0)
  }
}

const WAS_SKIPPED = 'a test of it was skipped'

function pad(value: number): string {
  return String(value).padStart(6)
}

function byId(a: string, b: string): number {
  return a.charCodeAt(0) - b.charCodeAt(0) || Number(a.slice(1)) - Number(b.slice(1))
}
