import { parseArgs } from 'node:util'
import { demoOfAdmission } from './of-admission.ts'
import { demoOnNode } from './on-node.ts'

/**
 * Shows on a real Kubernetes API server what migrate.io does: `npm run demo [-- --node | --keep]`. It starts an API server
 * of its own and uses no other, whatever KUBECONFIG says. Without --node nothing runs: what is admitted is shown.
 */
const { values } = parseArgs({
  options: { node: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
})
process.stdout.write('migrate.io on a real Kubernetes, started for this demonstration only.\n')
await (values.node ? demoOnNode() : demoOfAdmission(values))
process.stdout.write('\nThat was all. Everything that was started is ended and removed.\n')
