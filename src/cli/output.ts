import { EXIT_REFUSED } from './exit-codes.ts'

let isWorkWithoutReader = false

/**
 * Ends the program where what it writes has no reader any more (`migrate-io inject … | head -1`), quietly and with the exit
 * code that it has by then: the reader had enough, which is no failure. A disk that is full is one, and is told in one line.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      if (!isWorkWithoutReader) process.exit()
      return
    }
    process.stderr.write(`migrate-io: cannot write to standard output: ${error.message}\n`)
    process.exit(EXIT_REFUSED)
  })
  // There is nowhere left to say it; what standard output gets is still worth having.
  process.stderr.on('error', () => {})
}

/** For a command that changes a cluster: it is not left half done because nothing reads its output any more. */
export function goOnWithoutReader(): void {
  isWorkWithoutReader = true
}
