import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../tooling/root.ts'
import { apply, type Mutation } from './mutation.ts'

/** All else is copied: a test that fails for want of a file would pass for one that noticed. */
const NOT_COPIED = ['node_modules', '.git', 'dist']
const TOLD_LINES = 40
const TOLD_CHARACTERS = 300 // some errors quote whole tables

/** What the tests said of a broken program. */
export interface Verdict {
  readonly isFound: boolean
  /** The test that failed, with its time and error; or, where none did, the end of what was written. */
  readonly detail: string
}

/** Runs the mutation's tests on a copy of the tree in which it is applied. */
export function runBroken(mutation: Mutation, environment: Readonly<Record<string, string>>): Verdict {
  const { id, tests } = mutation
  const copy = mkdtempSync(join(tmpdir(), 'migrate-io-mutation-'))
  try {
    for (const part of readdirSync(root))
      if (!NOT_COPIED.includes(part)) cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    apply(mutation, copy)
    const run = ['test/run.ts', '--name', patternOf(mutation), ...tests]
    const { stdout, stderr, status } = spawnSync(process.execPath, run, {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
      env: { ...process.env, ...environment },
    })
    const isFound = status !== 0 && new RegExp(`^${id} +\\d+ +([1-9]\\d*)`, 'm').test(stdout)
    // The reporter repeats what failed at its end, there with the error below it.
    const failed = [...stdout.matchAll(/^\u2716 (.+\([\d.]+ms\))\n +(.+)$/gm)].find(([, name]) => name?.includes(id))
    const end = `${stdout}\n${stderr}`.trim().split('\n').slice(-TOLD_LINES).join('\n')
    return { isFound, detail: isFound ? `${failed?.[1]}\n    ${failed?.[2]?.slice(0, TOLD_CHARACTERS)}` : end }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Of the names of the tests, which begin with their ids: `L2, L8: …`. */
function patternOf({ id, title = '' }: Mutation): string {
  return `^([AWLSOP][0-9]+, )*${id}(, [AWLSOP][0-9]+)*: ${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`
}
