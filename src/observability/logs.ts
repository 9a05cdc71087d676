import { type DestinationStream, type Logger, pino } from 'pino'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type Logs = Logger

const BATCH_BYTES = 8 * 1024 // a write call per line would cost more than the admission itself
const FLUSH_MS = 250 // how long a line may wait for its batch
const BACKLOG_MAX_BYTES = 4 * 1024 * 1024 // lines beyond are dropped while stdout is not read, so that memory stays bounded

/**
 * JSON lines on stdout, written in batches without blocking; what is left is written when the process exits.
 * Nothing here hides secrets: callers log names, keys of reasons and counts, never what a client sent (see `errorFields`).
 */
export function createLogs(level: LogLevel, destination: DestinationStream = stdout()): Logs {
  return pino(
    {
      level,
      base: null,
      timestamp: isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
}

/**
 * An error that arose from a request: its kind, code and place. Not its message, which may quote what was sent: V8's own say
 * `Cannot use 'in' operator to search for 'x' in <the value>`.
 */
export function errorFields(error: unknown): { type: string; code?: string; at: string[] } {
  if (!(error instanceof Error)) return { type: typeof error, at: [] }
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const frames = (error.stack ?? '').split('\n').map((line) => line.trim())
  return { type: error.name, ...code, at: frames.filter((line) => /^at .+:\d+:\d+\)?$/.test(line)) }
}

// pino's own formats the whole date for each line, which costs more than the rest of the line.
let second = -1
let upToSecond = ''

function isoTime(): string {
  const now = Date.now()
  const nowSecond = Math.floor(now / 1000)
  if (nowSecond !== second) {
    second = nowSecond
    upToSecond = new Date(now).toISOString().slice(0, -4)
  }
  return `,"time":"${upToSecond}${String(now % 1000).padStart(3, '0')}Z"`
}

function stdout(): DestinationStream {
  return pino.destination({
    dest: 1,
    sync: false,
    minLength: BATCH_BYTES,
    periodicFlush: FLUSH_MS,
    maxLength: BACKLOG_MAX_BYTES,
  })
}
