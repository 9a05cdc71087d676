import type { SharedCluster } from '../cluster/shared.ts'
import { sum } from './metrics.ts'
import type { WebhookProcess } from './webhook-process.ts'

const INJECTION_LABEL = 'migrate.io/injection'

/** Names of the two webhooks, as the API server's messages and metrics have them. */
export interface WebhookNames {
  readonly inject: string
  readonly strip: string
}

/** What answers: one process, or all pods that are behind the Service. */
export interface Webhook extends Pick<WebhookProcess, 'url' | 'metrics' | 'admissions'> {
  /** What it has written so far, line by line. */
  logs(): readonly string[] | Promise<readonly string[]>
  /** Returns when it is gone. */
  stop(): Promise<void>
}

/** A webhook that an API server really calls. */
export interface Installation extends AsyncDisposable {
  /** That which answers now. */
  readonly webhook: Webhook
  readonly names: WebhookNames
  /** Labels of a namespace that this installation serves; opted in or not. */
  labels(optedIn: boolean): Record<string, string>
  /** From now on what the source in another root makes answers, and this webhook no longer. */
  useVersion(root: string): Promise<void>
  /** Starts the webhook again where it was, after `webhook.stop()`. */
  restart(): Promise<void>
  /** Returns when the API server sees a namespace, whose labels were changed, as opted in; or no longer. */
  untilOptedIn(namespace: string, optedIn?: boolean): Promise<void>
  /** How often the API server has called us so far, by its own metric. */
  calls(): Promise<number>
  /** Leaves the cluster as it was before. */
  stop(): Promise<void>
}

export function optIn(optedIn: boolean): Record<string, string> {
  return optedIn ? { [INJECTION_LABEL]: 'enabled' } : {}
}

/** How often the API server has called these, by its own metric. */
export async function callsOf(cluster: Pick<SharedCluster, 'metrics'>, names: WebhookNames): Promise<number> {
  const metrics = await cluster.metrics()
  const requests = (name: string) => sum(metrics, 'apiserver_admission_webhook_request_total', { name })
  return requests(names.inject) + requests(names.strip)
}
