import type { Pod } from '../../../src/kube/objects.ts'
import { type Image, migrateIoImage } from '../../support/cluster/images/images.ts'
import type { NodeCluster } from '../../support/cluster/node/cluster.ts'
import { startNodeCluster } from '../../support/cluster/node/start.ts'
import { makePlace, type Place, type PlaceOptions } from '../../support/installation/place.ts'
import { untilServed } from '../../support/installation/served.ts'
import { until } from '../../support/until.ts'
import { type Overlay, withOverlay } from './overlay.ts'

export const NAMESPACE = 'migrate-io'
export const DEPLOYMENTS = ['migrate-io-webhook', 'migrate-io-controller'] as const

/** From an empty node: the certificate, and kubelet's next try to mount it, two minutes later at most. */
const ROLLOUT_LIMIT_SECONDS = 240

/** Three times the webhook's terminationGracePeriodSeconds. */
const ENDING_LIMIT_MS = 3 * 30_000

export interface SiteOptions {
  /** Default: self-managed. */
  readonly overlay?: Overlay
  /** Default: what this source makes. */
  readonly image?: Image
}

/** A cluster with a node, and migrate.io in it as an administrator installs it: pods, a Service, nothing from the source tree. */
export interface Site extends AsyncDisposable {
  readonly cluster: NodeCluster
  /** As for a process that serves: labels of a namespace, opted in or not. */
  labels(optedIn: boolean): Record<string, string>
  /** A namespace; opted in unless asked otherwise. Returns when the webhook serves it. */
  place(options?: PlaceOptions): Promise<Place>
  /**
   * `kubectl apply -k`, once more: with other manifests or another image. Returns when our pods are new and ready, and
   * the earlier ones gone, which answer until they end.
   */
  apply(options: SiteOptions): Promise<void>
  /** Names of the pods of one of our Deployments, those that are ending left out. */
  pods(deployment: (typeof DEPLOYMENTS)[number]): Promise<string[]>
  stop(): Promise<void>
}

export interface NewSite extends Site {
  /** From `kubectl apply -k`, with the image there, to the first Deployment that was injected, once all pods were ready. */
  readonly injectedAfterMs: number
}

/** Starts a node, and installs migrate.io there by `kubectl apply -k`. Returns when an annotated Deployment is injected. */
export async function installOnNode(options: SiteOptions = {}): Promise<NewSite> {
  const image = options.image ?? (await migrateIoImage())
  const cluster = await startNodeCluster()
  const site = siteOn(cluster)
  try {
    await cluster.loadImage(image.file)
    const fromMs = performance.now()
    await site.apply({ ...options, image })
    await site.place()
    return { ...site, injectedAfterMs: performance.now() - fromMs }
  } catch (error) {
    await site.stop()
    throw error
  }
}

function siteOn(cluster: NodeCluster): Site {
  const pods = async (selector = '') => {
    const { body } = await cluster.get<{ items: Pod[] }>(
      `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=${encodeURIComponent(selector)}`,
    )
    return body.items.map(({ metadata }) => metadata)
  }
  const labels: Site['labels'] = (optedIn) => (optedIn ? { 'migrate.io/injection': 'enabled' } : {})
  return {
    cluster,
    labels,
    async place(options) {
      const place = await makePlace(cluster, { labels }, options)
      await untilServed(cluster, place.name, options?.optedIn ?? true)
      return place
    },
    async apply({ overlay = 'self-managed', image }) {
      const { file, name } = image ?? (await migrateIoImage())
      await cluster.loadImage(file)
      await withOverlay(overlay, name, (folder) => cluster.kubectl(['apply', '-k', folder]))
      for (const each of DEPLOYMENTS) {
        const wait = ['rollout', 'status', `deployment/${each}`, `--timeout=${ROLLOUT_LIMIT_SECONDS}s`]
        await cluster.kubectl([`--namespace=${NAMESPACE}`, ...wait])
      }
      await until('the earlier pods are gone', pods, {
        limitMs: ENDING_LIMIT_MS,
        accept: (all) => all.every(({ deletionTimestamp }) => deletionTimestamp === undefined),
      })
    },
    async pods(deployment) {
      const component = deployment.replace('migrate-io-', '')
      const all = await pods(`app.kubernetes.io/component=${component}`)
      return all.flatMap(({ name, deletionTimestamp }) => (deletionTimestamp === undefined ? [name] : []))
    },
    stop: () => cluster.stop(),
    [Symbol.asyncDispose]: () => cluster.stop(),
  }
}
