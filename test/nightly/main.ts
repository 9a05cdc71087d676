import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeMachine } from '../bench/machine.ts'
import { cacheRoot } from '../support/cluster/cache.ts'
import { bestLevel } from '../support/cluster/node/requirements.ts'
import { atOwnersEnd } from '../support/cluster/owner-end.ts'
import { root } from '../support/tooling/root.ts'
import { carryOut, type Part, planOf } from './plan.ts'
import { REPORT, reportOf } from './report.ts'

/**
 * What takes hours, of the commit that is checked out: `npm run test:nightly [-- --again] [--short]`. Works on a copy of
 * that commit, in a run folder of the cache, so that the tree may be changed meanwhile. Called once more after it was
 * ended, it goes on with what is not done yet; with `--again` also with what failed. The result is written to
 * docs/benchmarks/nightly.md; `--short` tries a little of each step and writes nothing there.
 */
const { values } = parseArgs({
  options: { again: { type: 'boolean', default: false }, short: { type: 'boolean', default: false } },
})
if (bestLevel() !== 'node') process.exit(1)
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, maxBuffer: Number.POSITIVE_INFINITY })
const commit = git('rev-parse', '--short=12', 'HEAD').toString().trim()
const changes = git('status', '--porcelain', '--', '.', `:!${REPORT}`).toString()
if (changes !== '') process.stdout.write(`Not part of it, since they are not committed:\n${changes}`)

const folder = join(cacheRoot(), 'nightly', values.short ? `${commit}-short` : commit)
const tree = join(folder, 'tree')
process.stdout.write(`Commit ${commit}; logs and what is done are in ${folder}\n`)
makeTree()
const steps = planOf(commit, values.short)
const running = new Set<ChildProcess>()
atOwnersEnd(() => {
  for (const { pid } of running) {
    if (pid === undefined) continue
    try {
      process.kill(-pid, 'SIGTERM')
    } catch {
      // It has just ended by itself.
    }
  }
})
const say = (line: string) => process.stdout.write(`${line}\n`)
const outcomes = await carryOut(steps, { folder, run, say, isAgain: values.again })
rmSync(tree, { recursive: true })

const { cpu, cores, kernel, date } = describeMachine()
const machine = `${cpu}, ${cores} cores, Linux ${kernel}`
const report = reportOf({ commit, date: date.slice(0, 10), machine, steps, outcomes })
if (!values.short) writeFileSync(join(root, REPORT), report)
process.stdout.write(`\n${report}`)
if (Object.values(outcomes).some(({ isGood }) => !isGood)) process.exitCode = 1

/** The commit's files, with the modules that are installed here. */
function makeTree(): void {
  const isThere = existsSync(join(tree, 'node_modules'))
  if (isThere) return
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(tree, { recursive: true })
  execFileSync('tar', ['-x', '-C', tree], { input: git('archive', 'HEAD') })
  // Last: a tree that has them is complete.
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
}

async function run({ name, args }: Part) {
  const log = join(folder, `${name}.log`)
  const file = openSync(log, 'w')
  // In a process group of its own, so that what it has started ends with it, and what they share is put away.
  const child = spawn(process.execPath, args, { cwd: tree, stdio: ['ignore', file, file], detached: true })
  closeSync(file)
  running.add(child)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject).once('exit', resolve)
  const code = await promise
  running.delete(child)
  return { isGood: code === 0, said: readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) ?? '' }
}
