import { parseArgs } from 'node:util'
import { startCluster } from '../support/cluster/cluster.ts'
import { REQUIRED_IDS } from '../support/runner/ids.ts'
import { neededBy } from '../support/runner/level.ts'
import { runBroken } from './broken.ts'
import { misfits, mutationLevel } from './mutation.ts'
import { MUTATIONS } from './table.ts'

/**
 * Shows that tests can fail: `npm run test:mutations [-- NAME|ID...]`. Each row of the table breaks the program in a
 * copy of the tree; then a test of each of its ids must fail. With `--applies` it only looks whether the rows fit the
 * tree, and whether each id has one; with `--node` it runs those that show on a real node, without it all others.
 */
const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { applies: { type: 'boolean', default: false }, node: { type: 'boolean', default: false } },
})
const faults = MUTATIONS.flatMap((mutation) => misfits(mutation).map((misfit) => `${mutation.name}: ${misfit}`))
for (const id of Object.keys(REQUIRED_IDS).filter((each) => /^[AWL]/.test(each)))
  if (!MUTATIONS.some(({ ids }) => ids.includes(id))) faults.push(`no mutation for ${id}`)
if (faults.length > 0) {
  process.stdout.write(`test/mutations/table.ts has to be brought up to date:\n${faults.join('\n')}\n`)
  process.exit(1)
}
if (values.applies) process.exit(0)

const chosen = MUTATIONS.filter(
  (mutation) =>
    (mutationLevel(mutation) === 'node') === values.node &&
    (words.length === 0 || words.some((word) => mutation.ids.includes(word) || mutation.name.startsWith(word))),
)
const needsCluster = chosen.some(({ tests }) => tests.some((file) => neededBy(file).has('sharedCluster')))
const cluster = needsCluster ? await startCluster() : undefined
const survivors: string[] = []
try {
  for (const mutation of chosen) {
    const started = performance.now()
    const { isFound, detail } = runBroken(mutation, cluster ? { MIGRATE_IO_TEST_CLUSTER: cluster.folder } : {})
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    const name = `${mutation.ids.join(', ')}: ${mutation.name}`
    if (!isFound) survivors.push(name)
    process.stdout.write(`${name.padEnd(44)} ${isFound ? 'found' : 'NOT FOUND'} (${seconds} s)\n${detail}\n`)
  }
} finally {
  await cluster?.stop()
}
if (survivors.length > 0) process.stdout.write(`no test fails with:\n${survivors.join('\n')}\n`)
process.stdout.write(`${chosen.length - survivors.length} passed, ${survivors.length} failed\n`)
if (survivors.length > 0 || chosen.length === 0) process.exitCode = 1
