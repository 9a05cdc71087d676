import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { idsOf, patternOf } from '../support/runner/ids.ts'
import { root } from '../support/tooling/root.ts'
import { apply, type Mutation } from './mutation.ts'

/** All else is copied: a test that fails for want of a file would pass for one that noticed. */
const NOT_COPIED = ['node_modules', '.git', 'dist']
const TOLD_LINES = 40
const TOLD_CHARACTERS = 300 // some errors quote whole tables

/** What the tests said of a broken program. */
export interface Verdict {
  readonly isFound: boolean
  /** Of each id a test that failed, with its error; or, where one of them has none, the end of what was written. */
  readonly detail: string
}

/** Runs the mutation's tests on a copy of the tree in which it is applied. */
export function runBroken(mutation: Mutation, environment: Readonly<Record<string, string>>): Verdict {
  const { ids, tests, title } = mutation
  const copy = mkdtempSync(join(tmpdir(), 'migrate-io-mutation-'))
  try {
    for (const part of readdirSync(root))
      if (!NOT_COPIED.includes(part)) cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    apply(mutation, copy)
    // What is made from the broken source: above all the wrapper as it is injected.
    execFileSync(process.execPath, ['test/support/tooling/generate.ts'], {
      cwd: copy,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const run = ['test/support/runner/run.ts', '--name', patternOf(ids, title), ...tests]
    const { stdout, stderr, status } = spawnSync(process.execPath, run, {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: Number.POSITIVE_INFINITY,
      env: { ...process.env, ...environment },
    })
    const missed = ids.filter((id) => !new RegExp(`^${id} +\\d+ +[1-9]`, 'm').test(stdout))
    if (status === 0 || missed.length > 0) {
      const end = `${stdout}\n${stderr}`.trim().split('\n').slice(-TOLD_LINES)
      return { isFound: false, detail: `no test of ${missed.join(', ')} failed:\n${end.join('\n')}` }
    }
    // The reporter repeats what failed at its end, there with the error below it.
    const failed = [...stdout.matchAll(/^\u2716 (.+) \([\d.]+ms\)\n +(.+)$/gm)]
    const told = new Set(ids.map((id) => failed.find(([, name = '']) => idsOf(name).includes(id))))
    const lines = [...told].map((test) => `  ${test?.[1]}\n    ${test?.[2]?.slice(0, TOLD_CHARACTERS)}`)
    return { isFound: true, detail: lines.join('\n') }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
