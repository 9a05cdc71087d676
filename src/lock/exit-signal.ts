/** An exit code above this is that of a signal, as shells and container runtimes have it. */
const SIGNAL_BASE = 128
/** Above that it is the command's own. */
const SIGNAL_MAX = SIGNAL_BASE + 31

/** `exit code 3`, `exit code 143 (signal 15)`. */
export function exitCodeInWords(code: number): string {
  const isSignal = code > SIGNAL_BASE && code <= SIGNAL_MAX
  return `exit code ${code}${isSignal ? ` (signal ${code - SIGNAL_BASE})` : ''}`
}
