import { appendFileSync, existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { finished } from 'node:stream/promises'
import { type EventData, run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { outdated } from '../../nightly/report.ts'
import { cacheRoot } from '../cluster/cache.ts'
import { startCluster } from '../cluster/cluster.ts'
import { bestLevel } from '../cluster/node/requirements.ts'
import { startNodeCluster } from '../cluster/node/start.ts'
import { together } from '../cluster/together.ts'
import { SHARED_STAGE, startSharedStage } from '../lock/stage.ts'
import { needPrograms } from '../tooling/debian.ts'
import { root } from '../tooling/root.ts'
import { FileTimes } from './file-times.ts'
import { FULL_LENGTH } from './full-length.ts'
import { patternOf } from './ids.ts'
import { LEVELS, type Level, levelOf, type Needed, neededBy } from './level.ts'
import { sayProgress } from './progress.ts'
import { type Result, Table } from './table.ts'

/**
 * Runs the tests of a level:
 *
 *   npm test | npm run test:api | test:node | test:all | test:soak [-- [--name PATTERN] [FILE...]]
 *
 * `npm test` needs Node.js and a shell; `test:api` builds the programs of Kubernetes, and `test:node` needs root on a Linux
 * of its own as well. What a machine lacks is skipped by name, unless MIGRATE_IO_REQUIRE is set. `test:all` is the three
 * together, and ends with a table of what each id of docs/requirements.md was shown by, which has to be complete. `test:soak` runs
 * what waits long, at full length. With files, these are run, of whatever level; --name runs the tests whose name matches.
 *
 * Where MIGRATE_IO_RESULTS names a file, the results are added to it, and `test:all` takes from it what ran before: so CI calls
 * `npm test`, as people do, and has its tests in the table without running them once more.
 */
const CHOICES = [...LEVELS, 'all'] as const
/** How many files at a time on two cores: what brings a cluster mostly waits, for a rollout or for kubelet. */
const CONCURRENCY: Readonly<Record<Level, number>> = { unit: 3, api: 3, node: 3, nightly: 1 }
const FILE_LIMIT_MS = 1_200_000 // one that hangs must not hang all
/** What `--soak` runs of the files that know of two lengths. */
const LONG = patternOf(['L3', 'O4'])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    level: { type: 'string', default: 'unit' },
    soak: { type: 'boolean', default: false },
    name: { type: 'string', default: '' },
  },
})
const choice = CHOICES.find((each) => each === values.level)
if (choice === undefined) throw new Error(`--level is ${values.level}: it must be one of ${CHOICES.join(', ')}`)
const levels: readonly Level[] = choice === 'all' ? ['unit', 'api', 'node'] : [choice]
const pattern = values.name || (values.soak ? LONG : '')
if (values.soak) process.env[FULL_LENGTH] = 'yes'
// Hundreds of processes of ours load the same sources; read so, they need half as much of the processor to start.
process.env['NODE_COMPILE_CACHE'] ??= join(cacheRoot(), 'compiled')

/** The test cluster's own tests belong to `all` when it was changed since the latest nightly run. */
const testsCluster = choice === 'all' && outdated(['test/support/cluster', 'test/nightly/cluster']) !== undefined
const selected = positionals.length > 0 ? positionals.map(fromRoot) : globSync('test/**/*.test.ts', { cwd: root })
// One that is not there is told in a line, before anything is started.
const sources = new Map(selected.map((file) => [file, readFileSync(`${root}/${file}`, 'utf8')]))
const wanted = positionals.length > 0 ? selected : selected.filter(isChosen)
const canRunNodes = !wanted.some(needsNode) || bestLevel() === 'node'
for (const file of wanted.filter((each) => needsNode(each) && !canRunNodes)) process.stderr.write(`left out: ${file}\n`)
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

const table = new Table()
const times = new FileTimes()
const results = process.env['MIGRATE_IO_RESULTS']
const before = results && choice === 'all' && existsSync(results) ? readResults(results) : []
for (const { name, ...result } of before) table.count(name, result)
for (const level of LEVELS.filter((each) => !before.some((result) => result.level === each))) {
  const files = wanted.filter((file) => levelOf(file) === level && (canRunNodes || !needsNode(file)))
  if (files.length > 0) await runFiles(times.slowestFirst(files), CONCURRENCY[level])
}
if (wanted.length > 1) process.stdout.write(times.text())
const isWhole = positionals.length === 0 && pattern === ''
const isTold = isWhole && (choice === 'all' || choice === 'nightly')
const required = isTold ? levels.filter((level) => canRunNodes || level !== 'node') : []
// Of one level alone, the table would say of most ids that they are shown elsewhere.
process.stdout.write(isWhole && !isTold ? table.sum() : table.text(required))
if (!table.isGood(required)) process.exitCode = 1

/** Runs them, as many at a time as said, with the clusters that they share, and counts and shows what they come to. */
async function runFiles(files: readonly string[], concurrency: number): Promise<void> {
  const clusters = await startSharedClusters(files)
  try {
    const events = run({
      files: files.map((file) => `${root}/${file}`),
      // Those of --soak hardly do anything but wait.
      concurrency: values.soak ? files.length : concurrency,
      timeout: FILE_LIMIT_MS,
      ...(pattern === '' ? {} : { testNamePatterns: [new RegExp(pattern)] }),
    })
    if (values.soak) sayProgress(events)
    times.listen(events)
    events.on('test:pass', (event) => count(event, event.skip || event.todo ? 'skipped' : 'passed'))
    events.on('test:fail', (event) => count(event, 'failed'))
    const report = events.compose(new spec())
    report.pipe(process.stdout, { end: false })
    await finished(report)
  } finally {
    await together(clusters.map(({ stop }) => stop()))
  }
}

/** A test that a helper defines counts for the file that was run, which Node's types don't have yet. */
function count(
  event: (EventData.TestPass | EventData.TestFail) & { readonly entryFile?: string },
  outcome: 'passed' | 'failed' | 'skipped',
): void {
  const { name, details, file = '', entryFile = file } = event
  const result: Result = { outcome, level: levelOf(fromRoot(entryFile)), isSuite: details.type === 'suite' }
  table.count(name, result)
  if (results) appendFileSync(results, `${JSON.stringify({ name, ...result })}\n`)
}

function readResults(file: string): readonly (Result & { readonly name: string })[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line))
}

function fromRoot(file: string): string {
  return relative(root, resolve(root, file))
}

/** Of all files, those of this run. */
function isChosen(file: string): boolean {
  if (values.soak) return sources.get(file)?.includes("/runner/full-length.ts'") === true
  return levels.includes(levelOf(file)) || (testsCluster && file.startsWith('test/nightly/cluster/'))
}

function needsNode(file: string): boolean {
  return LEVELS.indexOf(levelOf(file)) >= LEVELS.indexOf('node')
}

/** The clusters that test files share, as far as one of these needs them and none was given by the environment. */
async function startSharedClusters(files: readonly string[]): Promise<readonly { stop(): Promise<void> }[]> {
  const shared: readonly [
    name: Needed,
    variable: string,
    start: () => Promise<{ folder: string; stop(): Promise<void> }>,
  ][] = [
    ['sharedCluster', 'MIGRATE_IO_TEST_CLUSTER', startCluster],
    ['sharedNode', 'MIGRATE_IO_TEST_NODE', startNodeCluster],
    ['sharedStage', SHARED_STAGE, startSharedStage],
  ]
  const isNeeded = (name: Needed) => files.some((file) => neededBy(file).has(name))
  return together(
    shared
      .filter(([name, variable]) => process.env[variable] === undefined && isNeeded(name))
      .map(async ([, variable, start]) => {
        const { folder, stop } = await start()
        process.env[variable] = folder
        return {
          stop: () => {
            delete process.env[variable]
            return stop()
          },
        }
      }),
  )
}
