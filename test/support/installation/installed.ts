import { MIGRATE_IO_NAME } from '../cluster/images/migrate-io.ts'
import { connectNodeCluster, type NodeCluster } from '../cluster/node/cluster.ts'
import { until } from '../until.ts'
import { callsOf, type Installation, optIn, type Webhook } from './installation.ts'
import { sum } from './metrics.ts'
import { untilServed } from './served.ts'
import { versionImage } from './version-image.ts'

/** Run folder of a cluster with a node, where migrate.io is installed: what `installWebhook` then gives is that. */
export const INSTALLED = 'MIGRATE_IO_TEST_INSTALLED'

const NAMESPACE = 'migrate-io'
const DEPLOYMENTS = ['migrate-io-webhook', 'migrate-io-controller'] as const
const REPLICAS = 2
const NAMES = { inject: 'inject.migrate.io', strip: 'strip.migrate.io' }
const METRICS_PORT = 8080
const ROLLOUT_SECONDS = 120
const GONE_LIMIT_MS = 60_000

interface OwnPod {
  readonly metadata: { readonly name: string }
  readonly status: { readonly podIP?: string }
}

/** The webhook in the cluster that INSTALLED names; undefined where it names none. */
export function installedWebhook(): Promise<Installation> | undefined {
  const folder = process.env[INSTALLED]
  return folder === undefined ? undefined : connectNodeCluster(folder).then(webhookIn)
}

function webhookIn(cluster: NodeCluster): Installation {
  const kubectl = (...args: string[]) => cluster.kubectl([`--namespace=${NAMESPACE}`, ...args])
  const rolledOut = async () => {
    for (const each of DEPLOYMENTS)
      await kubectl('rollout', 'status', `deployment/${each}`, `--timeout=${ROLLOUT_SECONDS}s`)
  }
  const scale = (replicas: number) => kubectl('scale', ...DEPLOYMENTS.map(deployment), `--replicas=${replicas}`)
  const useImage = async (name: string) => {
    await kubectl('set', 'image', 'deployment/migrate-io-webhook', `webhook=${name}`)
    await rolledOut()
    await until('pods of the other version are gone', () => podsOf(cluster, 'webhook'), {
      limitMs: GONE_LIMIT_MS,
      accept: (pods) => pods.length === REPLICAS,
    })
  }
  let image = MIGRATE_IO_NAME
  const stop = async () => {
    if (image !== MIGRATE_IO_NAME) await useImage(MIGRATE_IO_NAME)
    image = MIGRATE_IO_NAME
  }
  return {
    webhook: podsBehindService(cluster, async () => {
      await scale(0)
      await until('all our pods are gone', () => podsOf(cluster), {
        limitMs: GONE_LIMIT_MS,
        accept: (pods) => pods.length === 0,
      })
    }),
    names: NAMES,
    labels: optIn,
    async useVersion(root) {
      const made = await versionImage(root)
      await cluster.loadImage(made.file)
      image = made.name
      await useImage(image)
    },
    async restart() {
      await scale(REPLICAS)
      await rolledOut()
    },
    untilOptedIn: (namespace, optedIn = true) => untilServed(cluster, namespace, optedIn),
    calls: () => callsOf(cluster, NAMES),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function podsBehindService(cluster: NodeCluster, stop: () => Promise<void>): Webhook {
  const pods = () => podsOf(cluster, 'webhook')
  const metrics = async () => {
    const texts = (await pods()).map(async ({ status }) => {
      const response = await fetch(`http://${status.podIP}:${METRICS_PORT}/metrics`)
      return response.text()
    })
    return (await Promise.all(texts)).join('\n')
  }
  return {
    url: `https://migrate-io-webhook.${NAMESPACE}.svc`,
    metrics,
    admissions: async (outcome) =>
      sum(await metrics(), 'migrate_io_admission_requests_total', outcome === undefined ? {} : { outcome }),
    async logs() {
      const texts = (await pods()).map(({ metadata }) => cluster.logs(metadata.name, { namespace: NAMESPACE }))
      return (await Promise.all(texts)).flatMap((text) => text.split('\n'))
    },
    stop,
  }
}

/** Those that are ending included. */
async function podsOf(cluster: NodeCluster, component?: string): Promise<OwnPod[]> {
  const labels = ['app.kubernetes.io/name=migrate-io', component && `app.kubernetes.io/component=${component}`]
  const selector = encodeURIComponent(labels.filter(Boolean).join(','))
  const path = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${selector}`
  return (await cluster.get<{ items: OwnPod[] }>(path)).body.items
}

function deployment(name: string): string {
  return `deployment/${name}`
}
