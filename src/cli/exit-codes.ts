/** Exit codes of every command; 0 is done. */
export const EXIT_REFUSED = 1
export const EXIT_USAGE = 2
/** `uninject --check` only: an answer, and no failure. */
export const EXIT_STILL_INJECTED = 3

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

/** Why a server can't start, where its message is the whole story. By name, since their classes are loaded lazily. */
const NAMES: readonly string[] = ['CertificateError', 'ListenError', 'LoadError']

/** Whether an error is for the user to mend, and so said in one line; any other is a mistake of ours, with its stack. */
export function isForTheUser(error: unknown): error is Error {
  return error instanceof Error && NAMES.includes(error.name)
}
