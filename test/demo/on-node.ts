import type { Pod } from '../../src/kube/objects.ts'
import type { NodeCluster } from '../cluster/node/cluster.ts'
import { startNodeCluster } from '../cluster/node/start.ts'
import { installWebhook } from '../e2e/install.ts'
import { deployFlask, runs } from '../node/flask.ts'
import { deployPostgres } from '../node/postgres.ts'
import { isReady, ours } from '../node/site.ts'
import { until } from '../until.ts'
import { showCommand, showStep, showText } from './show.ts'

const NAMESPACE = 'shop'
const LIMIT_MS = 120_000

/** The Flask app of examples/flask on a real node, with PostgreSQL: waiting, migrating, answering. */
export async function demoOnNode(): Promise<void> {
  showStep('Start a control plane and a node: kubelet, containerd, kube-proxy')
  const started = performance.now()
  await using cluster = await startNodeCluster()
  showText(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  const kubectl = async (...args: string[]) => {
    showCommand(args)
    showText((await cluster.kubectl(args)).stdout)
  }

  showStep('Start the webhook, and a namespace that opts in')
  await using installation = await installWebhook(cluster)
  showText(installation.webhook.url)
  await kubectl('create', 'namespace', NAMESPACE)
  await kubectl('label', 'namespace', NAMESPACE, 'migrate.io/injection=enabled')

  showStep('Start PostgreSQL, and apply the Flask app with its annotation (examples/flask)')
  const database = await deployPostgres(cluster, NAMESPACE)
  await deployFlask(cluster, NAMESPACE, { replicas: 1 })
  const waiting = await podWhere(cluster, 'waits', (pod) => ours(pod)?.state?.running !== undefined)
  await kubectl('get', 'pods', '-n', NAMESPACE)
  await kubectl('logs', '-n', NAMESPACE, waiting.metadata.name, '-c', 'migrate-io')

  showStep('Give the pod its run number, as the controller does')
  const grant = '{"metadata":{"annotations":{"migrate.io/grant":"run 1"}}}'
  const patch = ['--subresource=status', '--type=merge', '-p', grant]
  await kubectl('patch', 'pod', '-n', NAMESPACE, waiting.metadata.name, ...patch)
  await podWhere(cluster, 'is ready', isReady)
  await kubectl('logs', '-n', NAMESPACE, waiting.metadata.name, '-c', 'migrate-io')
  for (const { pod, started_at, ended_at, revisions } of await runs(database))
    showText(`in the database: ${pod} migrated to ${revisions.at(-1)}, from ${started_at} to ${ended_at}`)

  showStep('The app answers')
  const { stdout: address } = await cluster.kubectl([
    ...['get', 'service/flask', '-n', NAMESPACE, '-o', 'jsonpath={.spec.clusterIP}'],
  ])
  const answer = await until('the app answers', async () => (await fetch(`http://${address}/`)).text(), {
    limitMs: LIMIT_MS,
    accept: (text) => text.includes('schema'),
  })
  showText(`GET http://${address}/ → ${answer}`)
}

function podWhere(cluster: NodeCluster, describe: string, accept: (pod: Pod) => boolean): Promise<Pod> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app%3Dflask`
  return until(
    `the pod ${describe}`,
    async (): Promise<Pod | undefined> => (await cluster.get<{ items: Pod[] }>(path)).body.items[0],
    { limitMs: LIMIT_MS, accept: (pod) => pod !== undefined && accept(pod) },
  )
}
