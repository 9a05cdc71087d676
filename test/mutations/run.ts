import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../cluster/cluster.ts'
import { REQUIRED_IDS } from '../ids.ts'
import { root } from '../tooling/root.ts'

/**
 * Shows that tests can fail: `npm run test:mutations [-- NAME...]`. Each patch here breaks the program in a copy of the
 * tree; then the tests of the id that the patch is named after must fail. The lines before the diff say what is broken,
 * and `Tests:` which files show it. With `--applies` it only looks whether each patch fits the tree; with `--node` it
 * runs those in the folder of that name, whose tests take minutes each on a real node.
 */
interface Mutation {
  readonly name: string
  readonly id: string
  readonly patch: string
  readonly tests: readonly string[]
}

const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { applies: { type: 'boolean', default: false }, node: { type: 'boolean', default: false } },
})
const folder = values.node ? 'test/mutations/node' : 'test/mutations'
const mutations = globSync(values.applies ? 'test/mutations/**/*.patch' : `${folder}/*.patch`, { cwd: root })
  .toSorted()
  .map(readMutation)
const chosen = mutations.filter(({ name }) => words.length === 0 || words.some((word) => name.startsWith(word)))
const stale = chosen.filter((mutation) => !applies(mutation.patch))
if (stale.length > 0) {
  process.stdout.write(`does not apply any more, bring it up to date: ${stale.map(({ patch }) => patch).join(', ')}\n`)
  process.exit(1)
}
if (values.applies) process.exit(0)

const needsCluster = chosen.some(({ tests }) => tests.some((file) => file.startsWith('test/e2e/')))
const cluster = needsCluster ? await startCluster() : undefined
const survivors: string[] = []
try {
  for (const mutation of chosen) {
    const started = performance.now()
    const verdict = isFound(mutation) ? 'found' : 'NOT FOUND'
    if (verdict !== 'found') survivors.push(mutation.name)
    process.stdout.write(
      `${mutation.name.padEnd(44)} ${verdict} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`,
    )
  }
} finally {
  await cluster?.stop()
}
const without = REQUIRED_IDS.filter(
  (id) => !values.node && /^[AL]/.test(id) && !mutations.some((mutation) => mutation.id === id),
)
if (without.length > 0) process.stdout.write(`no mutation for: ${without.join(', ')}\n`)
if (survivors.length > 0) process.stdout.write(`no test fails with: ${survivors.join(', ')}\n`)
process.stdout.write(`${chosen.length - survivors.length} passed, ${survivors.length} failed\n`)
if (survivors.length > 0 || without.length > 0 || chosen.length === 0) process.exitCode = 1

function readMutation(path: string): Mutation {
  const name = basename(path, '.patch')
  const head = readFileSync(join(root, path), 'utf8').split('\ndiff ')[0] ?? ''
  const tests = /^Tests: (.+)$/m.exec(head)?.[1]?.split(' ')
  const [id = ''] = name.split('-')
  if (tests === undefined) throw new Error(`${path}: a line "Tests: FILE..." before the diff must name the tests`)
  return { name, id, patch: join(root, path), tests }
}

function applies(patch: string): boolean {
  return spawnSync('patch', ['-p1', '--dry-run', '--force', '-i', patch], { cwd: root }).status === 0
}

/** Whether the tests of the mutation's id fail where it is applied. */
function isFound({ id, patch, tests }: Mutation): boolean {
  const copy = mkdtempSync(join(tmpdir(), 'migrate-io-mutation-'))
  try {
    for (const part of ['src', 'test', 'certs', 'deploy', 'package.json', 'tsconfig.json'])
      cpSync(join(root, part), join(copy, part), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
    spawnSync('patch', ['-p1', '--no-backup-if-mismatch', '-i', patch], { cwd: copy })
    const { stdout, status } = spawnSync(
      process.execPath,
      ['test/run.ts', '--name', `^([AWLSOP][0-9]+, )*${id}[:,]`, ...tests],
      {
        cwd: copy,
        encoding: 'utf8',
        env: { ...process.env, ...(cluster && { MIGRATE_IO_TEST_CLUSTER: cluster.folder }) },
      },
    )
    const failed = new RegExp(`^${id} +\\d+ +([1-9]\\d*)`, 'm').test(stdout)
    return status !== 0 && failed
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}
