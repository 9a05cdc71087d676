/** Watches pods as the controller does and says on each line of input how many it knows and what it weighs: `watch-process.ts KUBECONFIG`. */
import { createInterface } from 'node:readline'
import { loadKube } from '../../../src/kube/load.ts'
import { connect } from '../../../src/kube/transport.ts'
import { startWatch } from '../../../src/kube/watch.ts'
import { useSmallHeap } from '../../../src/webhook/small-heap.ts'

useSmallHeap()

const transport = await connect(await loadKube({ kubeconfig: process.argv[2], env: {} }))
const watch = startWatch(transport, {
  kind: 'Pod',
  selection: { labelSelector: 'migrate.io/protocol', fieldSelector: 'status.phase=Pending' },
  project: ({ metadata: { name, namespace, uid, resourceVersion, ownerReferences } }) => ({
    name,
    namespace,
    uid,
    resourceVersion,
    owner: ownerReferences?.find(({ controller }) => controller)?.uid,
  }),
  handlers: { changed() {}, gone() {} },
})
for await (const _ of createInterface(process.stdin)) {
  const peakBytes = process.resourceUsage().maxRSS * 1024
  const seen = { pods: watch.size, rssBytes: process.memoryUsage.rss(), peakBytes, seconds: process.uptime() }
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}
await watch.stop()
transport.close()
