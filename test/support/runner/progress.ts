import type { TestsStream } from 'node:test'
import { idsOf } from './ids.ts'

const INTERVAL_MS = 60_000

/** Says each minute which tests are under way, until they have all ended. */
export function sayProgress(events: TestsStream): void {
  const underWay = new Set<string>()
  const started = performance.now()
  const timer = setInterval(() => {
    const minutes = Math.round((performance.now() - started) / 60_000)
    process.stdout.write(`after ${minutes} min under way:\n${[...underWay].map((name) => `  ${name}\n`).join('')}`)
  }, INTERVAL_MS)
  events.on('test:dequeue', ({ name }) => {
    // Suites and files are told too, and not reliably as what they are.
    if (idsOf(name).length > 0) underWay.add(name)
  })
  events.on('test:complete', ({ name }) => underWay.delete(name))
  events.once('end', () => clearInterval(timer))
}
