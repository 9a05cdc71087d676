import { parseArgs } from 'node:util'
import { findServerBinaries } from '../cluster/binaries.ts'
import { demoOfAdmission } from './of-admission.ts'
import { demoOnNode } from './on-node.ts'
import { demoWithoutCluster } from './without-cluster.ts'

/**
 * Shows what migrate.io does: `npm run demo [-- --node | --keep]`. First the webhook alone, which takes seconds, while the
 * programs of Kubernetes are built or found; then a real API server of its own, whatever KUBECONFIG says. Without --node
 * nothing runs: what is admitted is shown.
 */
const { values } = parseArgs({
  options: { node: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
})
if (values.node) await demoOnNode()
else {
  // What it throws is thrown below, after what needs none of it.
  const binaries = findServerBinaries()
  binaries.catch(() => {})
  await demoWithoutCluster()
  process.stdout.write('\nThe same on a real Kubernetes, started for this demonstration only.\n')
  try {
    await binaries
  } catch (cause) {
    throw new Error(`left out, for want of an API server: ${(cause as Error).message}`, { cause })
  }
  await demoOfAdmission(values)
}
process.stdout.write('\nThat was all. Everything that was started is ended and removed.\n')
