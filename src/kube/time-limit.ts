import { KubeError } from './api.ts'
import type { Clock } from './clock.ts'

/** The answer, or KubeError `unavailable` when it takes longer. What comes too late is ignored. */
export async function within<T>(
  limitMs: number,
  answer: Promise<T>,
  { clock, what }: { readonly clock: Clock; readonly what: string },
): Promise<T> {
  let cancel = () => {}
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new KubeError('unavailable', `${what}: no answer within ${limitMs / 1000} s`))
    cancel = clock.after(limitMs, late)
  })
  try {
    return await Promise.race([answer, limit])
  } finally {
    cancel()
  }
}
