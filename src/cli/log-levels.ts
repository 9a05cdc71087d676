import type { LogLevel } from '../observability/logs.ts'

/** Written out and not imported from observability: that would load the logger for `--help` and each other command. */
export const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']
