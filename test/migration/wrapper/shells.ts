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

export const SHELLS: readonly Shell[] = [
  { name: 'dash', argv: ['/usr/bin/dash'], install: 'apt-get install dash', looksInPath: true },
  {
    name: 'busybox ash',
    argv: ['/usr/bin/busybox', 'ash'],
    install: 'apt-get install busybox-static',
    looksInPath: false,
  },
  { name: 'bash', argv: ['/usr/bin/bash'], install: 'apt-get install bash', looksInPath: true },
  { name: 'bash --posix', argv: ['/usr/bin/bash', '--posix'], install: 'apt-get install bash', looksInPath: true },
]

/** The test once per shell, with the shell's name at its end. A missing shell fails it. */
export function underEachShell(name: string, body: (t: TestContext, shell: Shell) => Promise<void>): void {
  for (const shell of SHELLS) {
    test(`${name} (${shell.name})`, async (t) => {
      if (!existsSync(shell.argv[0])) throw new Error(`${shell.argv[0]} is missing: ${shell.install}`)
      await body(t, shell)
    })
  }
}

/** How many wrappers run at a time; they mostly sleep. */
export const CONCURRENCY = 16
