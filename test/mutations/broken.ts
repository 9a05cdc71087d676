import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../tooling/root.ts'
import type { Mutation } from './mutation.ts'

const PARTS = ['src', 'test', 'certs', 'deploy', 'package.json', 'tsconfig.json']
const TOLD_LINES = 40

/** What the tests said of a broken program. */
export interface Verdict {
  readonly isFound: boolean
  /** The test that failed, with its time; or, where none did, the end of what was written. */
  readonly detail: string
}

/** Runs the mutation's tests on a copy of the tree in which it is applied. */
export function runBroken(mutation: Mutation, environment: Readonly<Record<string, string>>): Verdict {
  const { id, patch, tests } = mutation
  const copy = mkdtempSync(join(tmpdir(), 'migrate-io-mutation-'))
  try {
    for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    spawnSync('patch', ['-p1', '--no-backup-if-mismatch', '-i', patch], { cwd: copy })
    const run = ['test/run.ts', '--name', patternOf(mutation), ...tests]
    const { stdout, stderr, status } = spawnSync(process.execPath, run, {
      cwd: copy,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    })
    const isFound = status !== 0 && new RegExp(`^${id} +\\d+ +([1-9]\\d*)`, 'm').test(stdout)
    const failed = new RegExp(`^ *\\u2716 (.*\\b${id}\\b.*: .* \\([\\d.]+ms\\))`, 'm').exec(stdout)?.[1]
    const end = `${stdout}\n${stderr}`.trim().split('\n').slice(-TOLD_LINES).join('\n')
    return { isFound, detail: isFound ? (failed ?? '') : end }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Of the names of the tests, which begin with their ids: `L2, L8: …`. */
function patternOf({ id, title = '' }: Mutation): string {
  return `^([AWLSOP][0-9]+, )*${id}(, [AWLSOP][0-9]+)*: ${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`
}
