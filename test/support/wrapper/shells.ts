import { type TestContext, test } from 'node:test'
import { missingProgram } from '../tooling/debian.ts'

/** A shell that may stand behind an image's /bin/sh. */
export interface Shell {
  readonly name: string
  /** What comes before `-c SCRIPT`. */
  readonly argv: readonly [file: string, ...args: string[]]
  readonly debianPackage: string
  /** Whether `sleep`, `printf` and the like are found in PATH; this busybox takes its own whatever PATH says. */
  readonly looksInPath: boolean
}

export const DASH: Shell = {
  name: 'dash',
  argv: ['/usr/bin/dash'],
  debianPackage: 'dash',
  looksInPath: true,
}

export const SHELLS: readonly Shell[] = [
  DASH,
  {
    name: 'busybox ash',
    argv: ['/usr/bin/busybox', 'ash'],
    debianPackage: 'busybox-static',
    looksInPath: false,
  },
  { name: 'bash', argv: ['/usr/bin/bash'], debianPackage: 'bash', looksInPath: true },
  { name: 'bash --posix', argv: ['/usr/bin/bash', '--posix'], debianPackage: 'bash', looksInPath: true },
]

/** Why tests under this shell are skipped; undefined where it is there. */
export function missingShell({ argv: [program], debianPackage }: Shell): string | undefined {
  return missingProgram({ program, debianPackage })
}

/** The test once per shell, with the shell's name at its end; skipped, with what to install, where the shell is missing. */
export function underEachShell(name: string, body: (t: TestContext, shell: Shell) => Promise<void>): void {
  for (const shell of SHELLS)
    test(`${name} (${shell.name})`, { skip: missingShell(shell) ?? false }, async (t) => await body(t, shell))
}

/** How many wrappers run at a time; they mostly sleep. */
export const CONCURRENCY = 16
