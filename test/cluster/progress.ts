const REDRAW_MS = 1000
const LINE_MS = 30_000 // where nothing can be redrawn, as in a CI log

/** Says on stderr what is being done and for how long, until the returned function is called. */
export function showProgress(what: string, stream: NodeJS.WriteStream = process.stderr): () => void {
  const start = performance.now()
  stream.write(`${what}\n`)
  const timer = stream.isTTY
    ? setInterval(() => stream.write(`\r  ${elapsed(start)}`), REDRAW_MS)
    : setInterval(() => stream.write(`  still at it after ${elapsed(start)}\n`), LINE_MS)
  return () => {
    clearInterval(timer)
    stream.write(`${stream.isTTY ? '\r' : ''}  took ${elapsed(start)}\n`)
  }
}

/** Minutes and seconds, as 9:05. */
function elapsed(start: number): string {
  const seconds = Math.round((performance.now() - start) / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
