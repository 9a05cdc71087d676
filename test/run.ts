import { globSync, readFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { parseArgs } from 'node:util'
import { startCluster } from './cluster/cluster.ts'
import { bestLevel } from './cluster/node/requirements.ts'
import { startNodeCluster } from './cluster/node/start.ts'
import { together } from './cluster/together.ts'
import { idsOf, REQUIRED_IDS } from './ids.ts'
import { needPrograms } from './tooling/debian.ts'
import { root } from './tooling/root.ts'

/**
 * Runs the tests: `npm test` all there is, the real API server included. Ends with a table of what each id of
 * ACCEPTANCE.md was shown by.
 *
 *   npm test -- [--fast] [--name PATTERN] [FILE...]
 *
 * --fast leaves out what needs a cluster or minutes; --name runs only tests whose name matches. With either, or with
 * files, the table is not required to be complete.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fast: { type: 'boolean', default: false }, name: { type: 'string' } },
})

const SLOW = /^test\/(cluster|e2e|node|lock|kube\/real)\/|\.slow\.test\.ts$/
/** Each file may bring a cluster with a node; more at a time, on two cores, would disturb those that measure. */
const CONCURRENCY = 2
const FILE_LIMIT_MS = 1_200_000 // one that hangs must not hang all

needPrograms([
  { program: 'busybox', debianPackage: 'busybox-static' },
  { program: 'dash', debianPackage: 'dash' },
  { program: 'shellcheck', debianPackage: 'shellcheck' },
])

const everything = globSync('test/**/*.test.ts', { cwd: root }).toSorted(slowFirst)
const selected = positionals.length > 0 ? positionals : everything.filter((file) => !values.fast || !SLOW.test(file))
const canRunNodes = !selected.some(needsNode) || bestLevel() === 'node'
const chosen = selected.filter((file) => canRunNodes || !needsNode(file))
for (const file of selected.filter((each) => !chosen.includes(each))) process.stderr.write(`left out: ${file}\n`)
const isWhole = selected === everything || selected.length === everything.length
const clusters = await startSharedClusters()

interface Shown {
  passed: number
  failed: number
  skipped: number
}
const ids = new Map<string, Shown>()
const total: Shown = { passed: 0, failed: 0, skipped: 0 }

const events = run({
  files: chosen.map((file) => `${root}/${file}`),
  concurrency: CONCURRENCY,
  timeout: FILE_LIMIT_MS,
  ...(values.name === undefined ? {} : { testNamePatterns: [new RegExp(values.name)] }),
})
events.on('test:pass', ({ name, skip, todo, details }) => {
  const outcome = skip || todo ? 'skipped' : 'passed'
  count(name, outcome, details.type === 'suite')
})
events.on('test:fail', ({ name, details }) => count(name, 'failed', details.type === 'suite'))
const report = events.compose(new spec())
report.pipe(process.stdout)
try {
  await finished(report)
} finally {
  await together(clusters.map((cluster) => cluster.stop()))
}
printTable()

/** The clusters that test files share, as far as a chosen file needs one and none was given by the environment. */
async function startSharedClusters() {
  const needs = (variable: string, isNeededBy: (file: string) => boolean) =>
    process.env[variable] === undefined && chosen.some(isNeededBy)
  const startAs = async (variable: string, start: typeof startCluster) => {
    const cluster = await start()
    process.env[variable] = cluster.folder
    return cluster
  }
  return together([
    ...(needs('MIGRATE_IO_TEST_CLUSTER', (file) => uses(file, 'sharedCluster'))
      ? [startAs('MIGRATE_IO_TEST_CLUSTER', startCluster)]
      : []),
    ...(needs('MIGRATE_IO_TEST_NODE', (file) => uses(file, 'sharedNode'))
      ? [startAs('MIGRATE_IO_TEST_NODE', startNodeCluster)]
      : []),
  ])
}

/** Whether the test can only run where nodes can. */
function needsNode(file: string): boolean {
  return file.includes('test/lock/') || uses(file, 'sharedNode') || uses(file, 'startNodeCluster')
}

/** A test file that imports the name, or that stands in the folder of those that all do. */
function uses(file: string, name: 'sharedCluster' | 'sharedNode' | 'startNodeCluster'): boolean {
  if (name === 'sharedNode' && file.includes('test/node/')) return true
  if (name === 'sharedCluster' && file.includes('test/e2e/')) return true
  return new RegExp(`^import .*\\b${name}\\b`, 'm').test(readFileSync(`${root}/${file}`, 'utf8'))
}

function count(name: string, outcome: keyof Shown, isSuite: boolean): void {
  if (!isSuite) total[outcome]++
  for (const id of idsOf(name)) {
    const shown = ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
    if (!isSuite || outcome === 'failed') shown[outcome]++
    ids.set(id, shown)
  }
}

function printTable(): void {
  const isRequired = isWhole && values.name === undefined
  const known = new Set<string>([...REQUIRED_IDS, ...ids.keys()])
  process.stdout.write('\nid    passed failed skipped\n')
  let lacking = 0
  for (const id of [...known].toSorted(byId)) {
    const { passed, failed, skipped } = ids.get(id) ?? { passed: 0, failed: 0, skipped: 0 }
    const isLacking = isRequired && REQUIRED_IDS.some((required) => required === id) && (passed === 0 || skipped > 0)
    if (isLacking) lacking++
    if (passed + failed + skipped === 0 && !isRequired) continue
    const note = isLacking ? (passed === 0 ? '  <- no test has shown it' : '  <- a test of it was skipped') : ''
    process.stdout.write(`${id.padEnd(5)} ${pad(passed)} ${pad(failed)} ${pad(skipped).padStart(7)}${note}\n`)
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
  if (total.passed === 0) process.stderr.write('no test was run\n')
  if (total.failed > 0 || lacking > 0 || total.passed === 0) process.exitCode = 1
}

function pad(value: number): string {
  return String(value).padStart(6)
}

function byId(a: string, b: string): number {
  return a.charCodeAt(0) - b.charCodeAt(0) || Number(a.slice(1)) - Number(b.slice(1))
}

/** What takes longest starts first, so that nothing waits for it alone at the end. */
function slowFirst(a: string, b: string): number {
  return Number(b.endsWith('.slow.test.ts')) - Number(a.endsWith('.slow.test.ts')) || (a < b ? -1 : 1)
}
