import { parseArgs } from 'node:util'
import { startCluster } from '../cluster/cluster.ts'
import { REQUIRED_IDS } from '../ids.ts'
import { runBroken } from './broken.ts'
import { applies, readMutations } from './mutation.ts'

/**
 * Shows that tests can fail: `npm run test:mutations [-- NAME...]`. Each patch here breaks the program in a copy of the
 * tree; then a test of the id that the patch is named after must fail. With `--applies` it only looks whether each patch
 * fits the tree; with `--node` it runs those in the folder of that name, which need a real node.
 */
const { values, positionals: words } = parseArgs({
  allowPositionals: true,
  options: { applies: { type: 'boolean', default: false }, node: { type: 'boolean', default: false } },
})
const mutations = readMutations()
const stale = mutations.filter((mutation) => !applies(mutation))
if (stale.length > 0) {
  process.stdout.write(`does not apply any more, bring it up to date: ${stale.map(({ patch }) => patch).join(', ')}\n`)
  process.exit(1)
}
if (values.applies) process.exit(0)

const chosen = mutations.filter(
  ({ name, isOnNode }) =>
    isOnNode === values.node && (words.length === 0 || words.some((word) => name.startsWith(word))),
)
const needsCluster = chosen.some(({ tests }) => tests.some((file) => file.startsWith('test/e2e/')))
const cluster = needsCluster ? await startCluster() : undefined
const survivors: string[] = []
try {
  for (const mutation of chosen) {
    const started = performance.now()
    const { isFound, detail } = runBroken(mutation, cluster ? { MIGRATE_IO_TEST_CLUSTER: cluster.folder } : {})
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    if (!isFound) survivors.push(mutation.name)
    process.stdout.write(`${mutation.name.padEnd(44)} ${isFound ? 'found' : 'NOT FOUND'} (${seconds} s)\n  ${detail}\n`)
  }
} finally {
  await cluster?.stop()
}
const without = REQUIRED_IDS.filter((id) => /^[AL]/.test(id) && !mutations.some((mutation) => mutation.id === id))
if (without.length > 0) process.stdout.write(`no mutation for: ${without.join(', ')}\n`)
if (survivors.length > 0) process.stdout.write(`no test fails with: ${survivors.join(', ')}\n`)
process.stdout.write(`${chosen.length - survivors.length} passed, ${survivors.length} failed\n`)
if (survivors.length > 0 || without.length > 0 || chosen.length === 0) process.exitCode = 1
