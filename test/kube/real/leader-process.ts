/** A candidate for a Lease, as a process of its own: `leader-process.ts KUBECONFIG NAMESPACE IDENTITY`. */
import { createApi } from '../../../src/kube/client.ts'
import { startLeaderElection } from '../../../src/kube/leader-election.ts'
import { loadKube } from '../../../src/kube/load.ts'
import { connect } from '../../../src/kube/transport.ts'

const [kubeconfig = '', namespace = '', identity = ''] = process.argv.slice(2)
const transport = await connect(await loadKube({ kubeconfig, env: {} }))
const election = startLeaderElection({
  api: createApi(transport),
  namespace,
  name: 'migrate-io-controller',
  identity,
  onStarted: () => process.stdout.write('started\n'),
  onStopped: () => process.stdout.write('stopped\n'),
  onNewLeader: (leader) => process.stdout.write(`leader ${leader}\n`),
  onTrouble: (error) => process.stderr.write(`${error}\n`),
})
process.on('SIGTERM', async () => {
  await election.stop()
  transport.close()
})
