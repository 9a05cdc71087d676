import { relative } from 'node:path'
import type { TestsStream } from 'node:test'
import { root } from './tooling/root.ts'

const SHOWN = 12

/** Listens, and returns what gives the text in the end: which files took longest, in seconds, their clusters included. */
export function slowestFiles(events: TestsStream): () => string {
  const files: { readonly name: string; readonly seconds: number }[] = []
  events.on('test:summary', ({ file, duration_ms }) => {
    if (file !== undefined) files.push({ name: relative(root, file), seconds: Math.round(duration_ms / 1000) })
  })
  return () => {
    const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, SHOWN)
    return [
      '\nslowest files, s',
      ...slowest.map(({ name, seconds }) => `${String(seconds).padStart(5)} ${name}`),
      '',
    ].join('\n')
  }
}
