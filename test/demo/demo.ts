import { parseArgs } from 'node:util'
import { findServerBinaries } from '../support/cluster/binaries.ts'
import { demoOfAdmission } from './of-admission.ts'
import { demoOnNode } from './on-node.ts'
import { demoWithoutCluster } from './without-cluster.ts'

/**
 * Shows what migrate.io does: `npm run demo [-- --node | --keep]`. First the webhook alone, which takes seconds; then the
 * programs of Kubernetes are built or found, and a real API server of its own is asked, whatever KUBECONFIG says. Without --node
 * nothing runs: what is admitted is shown.
 */
const { values } = parseArgs({
  options: { node: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
})
if (values.node) {
  process.stdout.write('migrate.io on a real Kubernetes, started for this demonstration only.\n')
  await demoOnNode()
} else {
  await demoWithoutCluster()
  process.stdout.write('\nThe same on a real Kubernetes, started for this demonstration only.\n')
  try {
    await findServerBinaries()
  } catch (cause) {
    throw new Error(`the second part is left out, since there is no API server: ${(cause as Error).message}`, { cause })
  }
  await demoOfAdmission(values)
}
process.stdout.write('\nThat was all. Everything that was started is ended and removed.\n')
