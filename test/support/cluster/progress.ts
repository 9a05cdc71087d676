const REDRAW_MS = 1000
const CLEAR_LINE = '\u001b[K'
const LINE_MS = 30_000 // where nothing can be redrawn, as in a CI log

export interface ProgressOptions {
  readonly stream?: NodeJS.WriteStream
  /** How much of it is done, from 0 to 1; undefined while nobody knows. */
  readonly share?: () => number | undefined
}

/** Below it, what is left can't be told yet. */
const KNOWN_SHARE = 0.05

/** Says on stderr what is being done, for how long, and how long it will take, until the returned function is called. */
export function showProgress(what: string, { stream = process.stderr, share }: ProgressOptions = {}): () => void {
  const start = performance.now()
  const elapsed = () => performance.now() - start
  const soFar = () => `${minutes(elapsed())}${expected(elapsed(), share?.())}`
  stream.write(`${what}\n`)
  const timer = stream.isTTY
    ? setInterval(() => stream.write(`\r  ${soFar()}${CLEAR_LINE}`), REDRAW_MS)
    : setInterval(() => stream.write(`  still at it after ${soFar()}\n`), LINE_MS)
  return () => {
    clearInterval(timer)
    stream.write(`${stream.isTTY ? '\r' : ''}  took ${minutes(elapsed())}${stream.isTTY ? CLEAR_LINE : ''}\n`)
  }
}

/** What is left, by the pace so far. */
export function expected(elapsedMs: number, share: number | undefined): string {
  if (share === undefined || share < KNOWN_SHARE) return ''
  const percent = Math.floor(share * 100)
  const left = minutes((elapsedMs / share) * (1 - share))
  return share < 1 ? `, ${percent} % done, about ${left} to go` : ', linking'
}

/** Minutes and seconds, as 9:05. */
function minutes(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
