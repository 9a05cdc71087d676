import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfigMap } from '../../../src/kube/objects.ts'
import type { Cluster } from '../cluster/cluster.ts'

/** Stand-ins for other people's controllers, by the rules that these publish. */

type Reads = Pick<Cluster, 'get' | 'request'>

interface Container {
  readonly name: string
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: ConfigRef }[]
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[]
  readonly volumeMounts?: readonly { readonly name: string }[]
}

interface ConfigRef {
  readonly configMapKeyRef?: { readonly name: string }
}

interface Workload {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly Container[]
        readonly initContainers?: readonly Container[]
        readonly volumes?: readonly {
          readonly name: string
          readonly configMap?: { readonly name: string }
          readonly projected?: { readonly sources: readonly { readonly configMap?: { readonly name: string } }[] }
        }[]
      }
    }
  }
}

/** The ConfigMaps that the containers of a template refer to, init containers included. */
function referredTo({ spec: { template } }: Workload): ReadonlySet<string> {
  const { containers, initContainers = [], volumes = [] } = template.spec
  const all = [...containers, ...initContainers]
  const mounted = new Set(all.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)))
  const names = [
    ...volumes
      .filter(({ name }) => mounted.has(name))
      .flatMap(({ configMap, projected }) => [
        configMap?.name,
        ...(projected?.sources ?? []).map((s) => s.configMap?.name),
      ]),
    ...all.flatMap(({ envFrom = [] }) => envFrom.map(({ configMapRef }) => configMapRef?.name)),
    ...all.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name)),
  ]
  return new Set(names.filter((name) => name !== undefined))
}

function hashOf({ data = {} }: ConfigMap): string {
  const lines = Object.entries(data).map(([key, value]) => `${key}=${value}`)
  return createHash('sha1').update(lines.toSorted().join(';')).digest('hex')
}

const LOOK_MS = 20

/** Stakater's Reloader. */
export interface Reloader extends AsyncDisposable {
  /** How often it saw the data of a ConfigMap change; undefined where it does not know it. */
  seen(configMap: string): { readonly changes: number } | undefined
  /** The restarts that it began, each with its cause. */
  restarted(): readonly string[]
}

/**
 * A Deployment with the annotation reloader.stakater.com/auto: "true" is given another template when the data of a ConfigMap
 * changes that one of its containers or init containers refers to, unless that has reloader.stakater.com/ignore: "true".
 * The first sight of a ConfigMap changes nothing.
 * https://docs.stakater.com/reloader/1.4/reference/annotations.html
 */
export function startReloader(cluster: Reads, namespace: string): Reloader {
  const known = new Map<string, { hash: string; changes: number }>()
  const restarted: string[] = []
  const ending = new AbortController()

  async function look(): Promise<void> {
    const { body } = await cluster.get<{ items: ConfigMap[] }>(`/api/v1/namespaces/${namespace}/configmaps`)
    for (const configMap of body.items) {
      const { name, annotations } = configMap.metadata
      const [before, hash] = [known.get(name), hashOf(configMap)]
      if (before?.hash === hash) continue
      if (before !== undefined && annotations?.['reloader.stakater.com/ignore'] !== 'true') await restart(name, hash)
      known.set(name, { hash, changes: before === undefined ? 0 : before.changes + 1 })
    }
  }

  async function restart(configMap: string, hash: string): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
    const { body } = await cluster.get<{ items: Workload[] }>(path)
    for (const workload of body.items) {
      const { name, annotations } = workload.metadata
      if (annotations?.['reloader.stakater.com/auto'] !== 'true' || !referredTo(workload).has(configMap)) continue
      const [first] = workload.spec.template.spec.containers
      const variable = `STAKATER_${configMap.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_CONFIGMAP`
      const containers = [{ name: first?.name, env: [{ name: variable, value: hash }] }]
      const change = { spec: { template: { spec: { containers } } } }
      const type = { 'content-type': 'application/strategic-merge-patch+json' }
      const { status } = await cluster.request('PATCH', `${path}/${name}`, change, type)
      if (status === 200) restarted.push(`${name} because of ${configMap}`)
    }
  }

  const work = (async () => {
    while (!ending.signal.aborted) {
      await look()
      await sleep(LOOK_MS, undefined, { signal: ending.signal }).catch(() => {})
    }
  })()
  return {
    seen: (configMap) => known.get(configMap),
    restarted: () => [...restarted],
    async [Symbol.asyncDispose]() {
      ending.abort()
      await work
    },
  }
}

/**
 * What Flagger compares to tell whether a Deployment has changed, beside its template: the data of each ConfigMap that it refers
 * to and that is there, without those whose annotation flagger.app/config-tracking begins with "disable".
 * https://docs.flagger.app/usage/how-it-works#canary-target
 */
export async function trackedByFlagger(
  cluster: Reads,
  namespace: string,
  deployment: string,
): Promise<Readonly<Record<string, string>>> {
  const { body } = await cluster.get<Workload>(`/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}`)
  const tracked: Record<string, string> = {}
  for (const name of referredTo(body)) {
    const found = await cluster.get<ConfigMap>(`/api/v1/namespaces/${namespace}/configmaps/${name}`)
    const tracking = found.body.metadata?.annotations?.['flagger.app/config-tracking'] ?? ''
    if (found.status === 200 && !tracking.startsWith('disable')) tracked[name] = hashOf(found.body)
  }
  return tracked
}
