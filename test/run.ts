import { globSync, readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { type EventData, run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster/cluster.ts'
import { bestLevel } from './cluster/node/requirements.ts'
import { startNodeCluster } from './cluster/node/start.ts'
import { together } from './cluster/together.ts'
import { fileTimes } from './file-times.ts'
import { patternOf } from './ids.ts'
import { type ClusterFunction, clustersOf, type Level, levelOf } from './level.ts'
import { FULL_LENGTH } from './soak/length.ts'
import { sayProgress } from './soak/progress.ts'
import { Table } from './table.ts'
import { needPrograms } from './tooling/debian.ts'
import { root } from './tooling/root.ts'

/**
 * Runs the tests: `npm test` all there is, the real API server included. Ends with a table of what each id of
 * ACCEPTANCE.md was shown by.
 *
 *   npm test -- [--fast | --soak | --nightly] [--name PATTERN] [FILE...]
 *
 * --fast leaves out what needs a cluster or minutes; --soak runs those whose long waits are shortened else, at full
 * length; --nightly runs those of test/nightly, which nothing else does; --name runs only tests whose name matches. With
 * --fast, --soak or --name, or with files, the table is not required to be complete.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    soak: { type: 'boolean', default: false },
    nightly: { type: 'boolean', default: false },
    name: { type: 'string', default: '' },
  },
})

const SLOW = /^test\/(cluster|deploy|e2e|image|install|node|lock|kube\/real)\/|\.slow\.test\.ts$/
/** What `--soak` runs of the files that know of two lengths. */
const LONG = patternOf(['L3', 'O4'])
/** Each file may bring a cluster with a node; more at a time, on two cores, would disturb those that measure. */
const CONCURRENCY = 2
const FILE_LIMIT_MS = 1_200_000 // one that hangs must not hang all

try {
  needPrograms([
    { program: 'busybox', debianPackage: 'busybox-static' },
    { program: 'dash', debianPackage: 'dash' },
  ])
} catch (error) {
  if (process.env['MIGRATE_IO_REQUIRE']) throw error
  // What needs them is skipped by name.
  process.stderr.write(`${(error as Error).message}\n`)
}

const everything = globSync('test/**/*.test.ts', { cwd: root })
  .filter((file) => (levelOf(file) === 'nightly') === values.nightly)
  .toSorted(slowFirst)
// One that is not there is told in a line, before anything is started.
for (const file of positionals.map(fromRoot)) readFileSync(`${root}/${file}`)
const selected = positionals.length > 0 ? positionals.map(fromRoot) : everything.filter(isSelected)
const canRunNodes = !selected.some(needsNode) || bestLevel() === 'node'
const chosen = selected.filter((file) => canRunNodes || !needsNode(file))
for (const file of selected.filter((each) => !chosen.includes(each))) process.stderr.write(`left out: ${file}\n`)
const isWhole = selected === everything || selected.length === everything.length
const clusters = await startSharedClusters()

if (values.soak) process.env[FULL_LENGTH] = 'yes'
const pattern = values.name || (values.soak ? LONG : '')
const table = new Table()
const events = run({
  files: chosen.map((file) => `${root}/${file}`),
  // Those of --soak hardly do anything but wait.
  concurrency: values.soak ? chosen.length : CONCURRENCY,
  timeout: FILE_LIMIT_MS,
  ...(pattern === '' ? {} : { testNamePatterns: [new RegExp(pattern)] }),
})
if (values.soak) sayProgress(events)
const times = fileTimes(events)
events.on('test:pass', (event) => count(event, event.skip || event.todo ? 'skipped' : 'passed'))
events.on('test:fail', (event) => count(event, 'failed'))
const report = events.compose(new spec())
report.pipe(process.stdout)
try {
  await finished(report)
} finally {
  await together(clusters.map((cluster) => cluster.stop()))
}
const ranLevels: readonly Level[] = values.nightly
  ? ['nightly']
  : canRunNodes
    ? ['unit', 'api', 'node']
    : ['unit', 'api']
const required = isWhole && pattern === '' ? ranLevels : []
if (chosen.length > 1) process.stdout.write(times())
process.stdout.write(table.text(required))
if (!table.isGood(required)) process.exitCode = 1

/** A test that a helper defines counts for the file that was run, which Node's types don't have yet. */
function count(
  event: (EventData.TestPass | EventData.TestFail) & { readonly entryFile?: string },
  outcome: 'passed' | 'failed' | 'skipped',
): void {
  const { name, details, file = '', entryFile = file } = event
  table.count(name, { outcome, level: levelOf(fromRoot(entryFile)), isSuite: details.type === 'suite' })
}

function fromRoot(file: string): string {
  return relative(root, resolve(root, file))
}

function isSelected(file: string): boolean {
  if (values.soak) return readFileSync(`${root}/${file}`, 'utf8').includes("/soak/length.ts'")
  return !values.fast || !SLOW.test(file)
}

/** The clusters that test files share, as far as a chosen file needs one and none was given by the environment. */
async function startSharedClusters() {
  const needs = (variable: string, name: ClusterFunction) =>
    process.env[variable] === undefined && chosen.some((file) => clustersOf(file).has(name))
  const startAs = async (variable: string, start: typeof startCluster) => {
    const cluster = await start()
    process.env[variable] = cluster.folder
    return cluster
  }
  return together([
    ...(needs('MIGRATE_IO_TEST_CLUSTER', 'sharedCluster') ? [startAs('MIGRATE_IO_TEST_CLUSTER', startCluster)] : []),
    ...(needs('MIGRATE_IO_TEST_NODE', 'sharedNode') ? [startAs('MIGRATE_IO_TEST_NODE', startNodeCluster)] : []),
  ])
}

function needsNode(file: string): boolean {
  return ['node', 'nightly'].includes(levelOf(file))
}

/** What takes longest starts first, so that nothing waits for it alone at the end. */
function slowFirst(a: string, b: string): number {
  return Number(b.endsWith('.slow.test.ts')) - Number(a.endsWith('.slow.test.ts')) || (a < b ? -1 : 1)
}
