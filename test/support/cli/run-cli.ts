import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { root } from '../tooling/root.ts'

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the program from its source, as a user would. */
export function migrateIo(args: readonly string[], input = ''): CliResult {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${root}/src/main.ts`, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return { code: status, stdout, stderr }
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv
  /** Whether it sees a terminal: then what it writes to either stream is in `stdout`. */
  readonly hasTerminal?: boolean
  /** On standard input, or typed at the terminal. */
  readonly input?: string
}

/** The same while this process goes on: for what talks to something that this process serves or watches. */
export async function startMigrateIo(args: readonly string[], options: RunOptions = {}): Promise<CliResult> {
  const { env = {}, hasTerminal = false, input = '' } = options
  const command = [process.execPath, `${root}/src/main.ts`, ...args]
  // script(1), of bsdutils, which each Debian has.
  const shown = hasTerminal ? ['script', '-qec', command.map(quoted).join(' '), '/dev/null'] : command
  const [file = '', ...rest] = shown
  const child = spawn(file, rest, { env: { ...process.env, ...env } })
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
