import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/tooling/root.ts'
import type { Outcomes, Step } from './plan.ts'

export const REPORT = 'docs/benchmarks/nightly.md'
/** What the lock rests on: a nightly run from before their last change shows nothing of it. */
const JUDGED = ['src/lock', 'src/controller', 'src/injection/wrapper.sh']

interface Run {
  readonly commit: string
  readonly date: string
  readonly machine: string
  readonly steps: readonly Step[]
  readonly outcomes: Outcomes
}

/** The page about the latest nightly run. */
export function reportOf({ commit, date, machine, steps, outcomes }: Run): string {
  const rows = steps.map(({ title, parts }) => {
    const done = parts.map(({ name }) => ({ name, ...outcomes[name] }))
    const failed = done.filter(({ isGood }) => isGood !== true)
    const tried = done.filter(({ isGood, tries = 1 }) => isGood === true && tries > 1)
    const passed = parts.length === 1 ? `passed: ${done[0]?.said}` : `${parts.length} of ${parts.length} passed`
    const result = [
      ...(failed.length > 0
        ? [`${failed.length} of ${parts.length} failed: ${failed.map(({ name }) => name).join(', ')}`]
        : [passed]),
      ...tried.map(({ name, tries = 1 }) => `${name} only at try ${tries}`),
    ]
    const seconds = done.reduce((sum, each) => sum + (each.seconds ?? 0), 0)
    return `| ${title} | ${result.join('; ')} | ${Math.ceil(seconds / 60)} min |`
  })
  return `# The nightly run

\`npm run test:nightly\`, which is what takes too long for each change: the latest run. The time is that of all parts together,
also of those that ran side by side.

Commit ${commit}, ${date}, on ${machine}.

| Step | Result | Time |
| --- | --- | --- |
${rows.join('\n')}
`
}

/**
 * Why the latest nightly run says nothing of these parts of the tree in the folder; undefined where it does, or where no Git
 * can tell.
 */
export function outdated(parts = JUDGED, folder = root): string | undefined {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' })
  if (git('rev-parse', '--git-dir').status !== 0) return undefined
  const path = join(folder, REPORT)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  const [, commit, date] = /^Commit ([0-9a-f]{12}), (\S+),/m.exec(text) ?? []
  if (commit === undefined) return `${REPORT} tells of no nightly run: npm run test:nightly`
  const { status } = git('diff', '--quiet', commit, '--', ...parts)
  if (status === 0) return undefined
  const why =
    status === 1
      ? `${new Intl.ListFormat('en', { type: 'disjunction' }).format(parts)} has changed since`
      : 'this repository does not have its commit'
  return `the latest nightly run is of ${date}, commit ${commit}, and ${why}: npm run test:nightly`
}
