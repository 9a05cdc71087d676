import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { TestsStream } from 'node:test'
import { cacheRoot } from '../cluster/cache.ts'
import { root } from '../tooling/root.ts'
import { levelOf } from './level.ts'

type Seconds = Readonly<Record<string, number>>

/** How long each test file takes, its own clusters included. What was seen on this machine is kept in the cache. */
export class FileTimes {
  readonly #file = join(cacheRoot(), 'test-times.json')
  readonly #before = this.#read()
  readonly #seen: Record<string, number> = {}

  /** What took longest the last time comes first, and before that what is new here: nothing shall wait for it at the end. */
  slowestFirst(files: readonly string[]): readonly string[] {
    const of = (file: string) => this.#before[file] ?? Number.POSITIVE_INFINITY
    return files.toSorted((a, b) => (of(a) === of(b) ? (a < b ? -1 : 1) : of(b) - of(a)))
  }

  listen(events: TestsStream): void {
    events.on('test:summary', ({ file, duration_ms }) => {
      if (file !== undefined) this.#seen[relative(root, file)] = Math.round(duration_ms / 100) / 10
    })
  }

  /** Of all files that have ended, the longest first; keeps them for the next run. */
  text(): string {
    mkdirSync(dirname(this.#file), { recursive: true })
    writeFileSync(this.#file, `${JSON.stringify({ ...this.#before, ...this.#seen }, undefined, 2)}\n`)
    const rows = Object.entries(this.#seen).toSorted(([, a], [, b]) => b - a)
    return [
      '\nseconds per test file',
      ...rows.map(([file, seconds]) => `${seconds.toFixed(1).padStart(7)} ${levelOf(file).padEnd(7)} ${file}`),
      '',
    ].join('\n')
  }

  #read(): Seconds {
    try {
      return JSON.parse(readFileSync(this.#file, 'utf8')) as Seconds
    } catch {
      return {} // it only saves time
    }
  }
}
