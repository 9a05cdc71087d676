import type { Pod } from '../../src/kube/objects.ts'
import type { NodeCluster } from '../cluster/node/cluster.ts'
import { startNodeCluster } from '../cluster/node/start.ts'
import { installWebhook } from '../e2e/install.ts'
import { startControllerProcess } from '../lock/controller-process.ts'
import { deployFlask, runs } from '../node/flask.ts'
import { deployPostgres } from '../node/postgres.ts'
import { ours } from '../node/site.ts'
import { until } from '../until.ts'
import { showCommand, showStep, showText } from './show.ts'

const NAMESPACE = 'shop'
const LIMIT_MS = 120_000

/** The Flask app of examples/flask on a real node, with PostgreSQL: waiting, migrating once, answering. */
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
  await deployFlask(cluster, NAMESPACE, { replicas: 3 })
  const waiting = await podWhere(cluster, 'waits', (pod) => ours(pod)?.state?.running !== undefined)
  await kubectl('get', 'pods', '-n', NAMESPACE)
  await kubectl('logs', '-n', NAMESPACE, waiting.metadata.name, '-c', 'migrate-io')

  showStep(
    'Start the controller: it gives the lock to one of the pods, and records the revision when its run succeeded',
  )
  const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig })
  try {
    await kubectl('rollout', 'status', '-n', NAMESPACE, 'deployment/flask', '--timeout=120s')
    await showRuns()
    const [runner] = await runs(database)
    await kubectl('logs', '-n', NAMESPACE, runner?.pod ?? '', '-c', 'migrate-io')
    await kubectl('get', 'configmap', '-n', NAMESPACE, 'deployment.flask.migrate-io', '-o', 'jsonpath={.data}')

    showStep('Restart: a new revision, one more run, however many pods')
    await kubectl('rollout', 'restart', '-n', NAMESPACE, 'deployment/flask')
    await kubectl('rollout', 'status', '-n', NAMESPACE, 'deployment/flask', '--timeout=120s')
    await showRuns()

    showStep('Scale up: no run, the new pods start at once')
    await kubectl('scale', '-n', NAMESPACE, 'deployment/flask', '--replicas=5')
    await kubectl('rollout', 'status', '-n', NAMESPACE, 'deployment/flask', '--timeout=120s')
    await showRuns()
    showText('What the controller wrote:')
    for (const { level, time, msg, pod = '' } of controller.logs()) showText(`${time} ${level} ${msg} ${pod}`)
  } finally {
    await controller.stop()
  }

  showStep('The app answers')
  const { stdout: address } = await cluster.kubectl([
    ...['get', 'service/flask', '-n', NAMESPACE, '-o', 'jsonpath={.spec.clusterIP}'],
  ])
  const answer = await until('the app answers', async () => (await fetch(`http://${address}/`)).text(), {
    limitMs: LIMIT_MS,
    accept: (text) => text.includes('schema'),
  })
  showText(`GET http://${address}/ → ${answer}`)

  async function showRuns(): Promise<void> {
    for (const { pod, started_at, ended_at, revisions } of await runs(database))
      showText(
        `the database: ${pod} ran from ${started_at} to ${ended_at}, Alembic's revisions: ${revisions.join(', ') || 'none new'}`,
      )
  }
}

function podWhere(cluster: NodeCluster, describe: string, accept: (pod: Pod) => boolean): Promise<Pod> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app%3Dflask`
  return until(
    `the pod ${describe}`,
    async (): Promise<Pod | undefined> => (await cluster.get<{ items: Pod[] }>(path)).body.items[0],
    { limitMs: LIMIT_MS, accept: (pod) => pod !== undefined && accept(pod) },
  )
}
