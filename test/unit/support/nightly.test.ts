import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { carryOut, type Part, planOf, type Step } from '../../nightly/plan.ts'
import { outdated, REPORT, reportOf } from '../../nightly/report.ts'

const STEPS: readonly Step[] = [
  { title: 'First', isParallel: false, parts: ['a', 'b', 'c'].map(partOf) },
  { title: 'Second', isParallel: true, parts: ['d', 'e', 'f', 'g'].map(partOf) },
]

function partOf(name: string): Part {
  return { name, args: [] }
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-io-nightly-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

/** Runs the steps in the folder as one call does, and returns which parts it ran. */
async function call(folder: string, ends: Readonly<Record<string, boolean | Error>> = {}, isAgain = false) {
  const ran: string[] = []
  const run = async ({ name }: Part) => {
    ran.push(name)
    const end = ends[name] ?? true
    if (end instanceof Error) throw end
    return { isGood: end, said: `end of ${name}` }
  }
  const outcomes = await carryOut(STEPS, { folder, run, isAgain, say: () => {} }).catch((error: Error) => error)
  return { ran: ran.toSorted().join(''), outcomes }
}

test('a call that was ended is gone on with by the next, from the part at which it ended', async (t) => {
  const folder = temporaryFolder(t)
  const ended = await call(folder, { b: new Error('ended') })
  assert.deepEqual([ended.ran, String(ended.outcomes)], ['ab', 'Error: ended'])
  assert.equal((await call(folder)).ran, 'bcdefg')
  assert.equal((await call(folder)).ran, '')
})

test('what failed is done, and tried once more when asked to; the tries are counted', async (t) => {
  const folder = temporaryFolder(t)
  assert.equal((await call(folder, { b: false, f: false })).ran, 'abcdefg')
  assert.equal((await call(folder)).ran, '')
  const { ran, outcomes } = await call(folder, { f: false }, true)
  assert.equal(ran, 'bf')
  assert.ok(!(outcomes instanceof Error))
  assert.deepEqual({ ...outcomes['b'], seconds: 0 }, { isGood: true, seconds: 0, said: 'end of b', tries: 2 })
  const text = reportOf({ commit: '0123456789ab', date: '2026-11-30', machine: 'M', steps: STEPS, outcomes })
  assert.match(text, /^\| First \| 3 of 3 passed; b only at try 2 \| 0 min \|$/m)
  assert.match(text, /^\| Second \| 1 of 4 failed: f \| 0 min \|$/m)
})

test('the plan has a million seeds without a gap, each mutation that needs a node, an hour of random deeds, and the benchmarks', () => {
  const parts = planOf('0123456789ab', false).flatMap((step) => step.parts)
  assert.equal(new Set(parts.map(({ name }) => name)).size, parts.length)
  const ranges = parts.flatMap(({ args }) =>
    args[0]?.endsWith('simulate.ts') ? [args[2]?.split('..').map(Number)] : [],
  )
  let next = 1
  for (const [from, to] of ranges as [number, number][]) {
    assert.equal(from, next)
    next = to + 1
  }
  assert.equal(next, 1_000_001)
  assert.ok(parts.some(({ args }) => args.join(' ') === 'test/mutations/run.ts --node records-no-success'))
  for (const name of ['admission', 'rollout'])
    assert.ok(parts.some(({ args }) => args.join(' ') === `test/bench/${name}.ts`))
  const chaos = parts.filter(({ args }) => args[0] === 'test/nightly/chaos.ts')
  assert.ok(chaos.reduce((seconds, { args }) => seconds + Number(args[1]), 0) >= 3600)
  assert.notDeepEqual(
    chaos,
    planOf('fedcba987654', false)
      .flatMap((step) => step.parts)
      .filter(({ name }) => name.startsWith('chaos')),
  )
})

test('a report is outdated once the controller or the wrapper has changed, committed or not, and by nothing else', (t) => {
  const folder = temporaryFolder(t)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    })
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const commitAll = () => {
    git('add', '-A')
    git('commit', '-q', '-m', 'x')
  }
  const report = (commit: string) =>
    write(REPORT, reportOf({ commit, date: '2026-11-30', machine: 'M', steps: STEPS, outcomes: {} }))
  assert.equal(outdated(undefined, folder), undefined, 'no repository, so nothing can be told')

  git('init', '-q')
  write('src/controller/a.ts', 'a')
  write('src/webhook/b.ts', 'b')
  commitAll()
  assert.match(outdated(undefined, folder) ?? '', /tells of no nightly run/)
  report(git('rev-parse', '--short=12', 'HEAD').trim())
  write('src/webhook/b.ts', 'c')
  commitAll()
  assert.equal(outdated(undefined, folder), undefined)
  write('src/controller/a.ts', 'c')
  assert.match(
    outdated(undefined, folder) ?? '',
    /is of 2026-11-30, commit [0-9a-f]{12}, and src\/lock, src\/controller, or .* has changed/,
  )
  commitAll()
  assert.match(outdated(undefined, folder) ?? '', /has changed since/)
  report(git('rev-parse', '--short=12', 'HEAD').trim())
  assert.equal(outdated(undefined, folder), undefined)
  report('0123456789ab')
  assert.match(outdated(undefined, folder) ?? '', /does not have its commit/)
})
