import { relative } from 'node:path'
import type { TestsStream } from 'node:test'
import { levelOf } from './level.ts'
import { root } from './tooling/root.ts'

/** Listens, and returns what gives the text in the end: how long each file took, in seconds, its own clusters included. */
export function fileTimes(events: TestsStream): () => string {
  const files: { readonly name: string; readonly seconds: number }[] = []
  events.on('test:summary', ({ file, duration_ms }) => {
    if (file !== undefined) files.push({ name: relative(root, file), seconds: duration_ms / 1000 })
  })
  return () => {
    const slowest = files.toSorted((a, b) => b.seconds - a.seconds).filter(({ seconds }) => seconds >= 1)
    const short = files.length - slowest.length
    return [
      '\nseconds per test file; two run at a time',
      ...slowest.map(({ name, seconds }) => `${seconds.toFixed(0).padStart(5)} ${levelOf(name).padEnd(7)} ${name}`),
      ...(short > 0 ? [`      and ${short} files of less than a second`] : []),
      '',
    ].join('\n')
  }
}
