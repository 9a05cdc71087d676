/** Exit codes of every command; 0 is done. */
export const EXIT_REFUSED = 1
export const EXIT_USAGE = 2
/** `uninject --check` only: an answer, and no failure. */
export const EXIT_STILL_INJECTED = 3
