/** Sent to a process with `held-delay.ts`: its delay is over. Nobody else sends it. */
export const ENDS_DELAY = 'SIGWINCH'
