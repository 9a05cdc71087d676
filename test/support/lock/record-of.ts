import type { Holder } from '../../../src/lock/record.ts'
import type { Workshop } from './workshop.ts'

/** What `failed.<revision>` says. */
export interface Failure {
  readonly revision: string
  readonly count: number
  readonly exit: number
  /** The earliest time of the next try. */
  readonly nextMs: number
}

/** The pod that holds the lock, with its run; undefined while it is free or was never taken. */
export async function holderOf(workshop: Workshop, deployment: string): Promise<Holder | undefined> {
  const { status, body } = await workshop.lock(deployment)
  const text = status === 200 ? (body.data['holder'] ?? '') : ''
  return text.startsWith('{') ? (JSON.parse(text) as Holder) : undefined
}

/** The revisions that failed last. */
export async function failuresOf(workshop: Workshop, deployment: string): Promise<readonly Failure[]> {
  const { status, body } = await workshop.lock(deployment)
  const entries = status === 200 ? Object.entries(body.data) : []
  return entries.flatMap(([key, text]) => {
    if (!key.startsWith('failed.')) return []
    const { count, exit, next } = JSON.parse(text) as { count: number; exit: number; next: string }
    return [{ revision: key.slice('failed.'.length), count, exit, nextMs: Date.parse(next) }]
  })
}
