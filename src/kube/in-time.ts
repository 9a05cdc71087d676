import { KubeError } from './api.ts'

export interface InTimeOptions {
  /** For the message. */
  readonly what: string
  /** Gives up earlier. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Does the work, whose signal is aborted when it takes longer; then, and when it fails, throws KubeError `unavailable`. Also
 * when the work doesn't heed its signal.
 */
export async function inTime<T>(
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  { what, signal }: InTimeOptions,
): Promise<T> {
  const abort = new AbortController()
  const giveUp = () => abort.abort(signal?.reason)
  const timer = setTimeout(() => abort.abort(new Error(`no answer within ${limitMs / 1000} s`)), limitMs)
  signal?.addEventListener('abort', giveUp)
  const aborted = new Promise<never>((_, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason))
  })
  if (signal?.aborted) giveUp()
  try {
    return await Promise.race([work(abort.signal), aborted])
  } catch (cause) {
    if (cause instanceof KubeError) throw cause
    const why = abort.signal.aborted ? abort.signal.reason : cause
    throw new KubeError('unavailable', `${what}: ${reasonOf(why)}`, { cause })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}

/** Where an address has several, Node's error for all of them together has no text. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof AggregateError && error.message === '') return reasonOf(error.errors[0])
  return error.message
}
