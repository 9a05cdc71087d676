import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'

/** A shell that may stand behind an image's /bin/sh. */
export interface Shell {
  readonly name: string
  /** What comes before `-c SCRIPT`. */
  readonly argv: readonly [file: string, ...args: string[]]
  readonly install: string
  /** Whether `sleep`, `printf` and the like are found in PATH; this busybox takes its own whatever PATH says. */
  readonly looksInPath: boolean
}

export const DASH: Shell = {
  name: 'dash',
  argv: ['/usr/bin/dash'],
  install: 'apt-get install dash',
  looksInPath: true,
}

export const SHELLS: readonly Shell[] = [
  DASH,
  {
    name: 'busybox ash',
    argv: ['/usr/bin/busybox', 'ash'],
    install: 'apt-get install busybox-static',
    looksInPath: false,
  },
  { name: 'bash', argv: ['/usr/bin/bash'], install: 'apt-get install bash', looksInPath: true },
  { name: 'bash --posix', argv: ['/usr/bin/bash', '--posix'], install: 'apt-get install bash', looksInPath: true },
]

/** Why tests under this shell are skipped; undefined where it is there. Throws where MIGRATE_IO_REQUIRE allows no skip. */
export function missingShell({ argv: [file], install }: Shell): string | undefined {
  if (existsSync(file)) return undefined
  const why = `${file} is missing: ${install}`
  if (process.env['MIGRATE_IO_REQUIRE']) throw new Error(why)
  return why
}

/** The test once per shell, with the shell's name at its end; skipped, with what to install, where the shell is missing. */
export function underEachShell(name: string, body: (t: TestContext, shell: Shell) => Promise<void>): void {
  for (const shell of SHELLS)
    test(`${name} (${shell.name})`, { skip: missingShell(shell) ?? false }, async (t) => await body(t, shell))
}

/** How many wrappers run at a time; they mostly sleep. */
export const CONCURRENCY = 16
