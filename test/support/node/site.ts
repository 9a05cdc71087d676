import assert from 'node:assert/strict'
import type { ContainerStatus, Pod, Terminated } from '../../../src/kube/objects.ts'
import type { SharedNode } from '../cluster/shared.ts'
import { installWebhook } from '../installation/install.ts'
import type { Installation } from '../installation/installation.ts'
import { MERGE_PATCH, makePlace, type Place, type PlaceOptions, scopeOf } from '../installation/place.ts'
import { until } from '../until.ts'

/**
 * What kubelet may take on a busy machine. A grant that it missed reaches the pod within 90 s, and no controller nudges for
 * those that a test gives by hand.
 */
export const LIMIT_MS = 180_000

const CONTAINER = 'migrate-io'
const GRANT = 'migrate.io/grant'

/** A namespace on a real node, with the webhook serving it, and what these tests do there. */
export interface Site {
  readonly cluster: SharedNode
  readonly installation: Installation
  readonly place: Place
  /** Another namespace that the same webhook serves. */
  another(options?: PlaceOptions): Promise<Site>
  /** The Deployment's only pod, once it is accepted. */
  pod(deployment: string, describe?: string, accept?: (pod: Pod) => boolean): Promise<Pod>
  /** The Deployment's pods, oldest first. */
  pods(deployment: string): Promise<Pod[]>
  /** The Deployment's only pod, once its wrapper has looked for a grant and waits for one. */
  waiting(deployment: string): Promise<Pod>
  /** Writes a grant the way the controller does. */
  grant(pod: Pod, text: string): Promise<void>
  /** What our container in the Deployment's pod has written. */
  output(pod: Pod, container?: string): Promise<string>
  /** The same without the wrapper's lines: they come by another stream, in whatever place. */
  commandOutput(pod: Pod): Promise<string>
}

/** To be called at the top of a suite, with the test file's name for the scope. */
export async function makeSite(cluster: SharedNode, file: string): Promise<Site> {
  const installation = await installWebhook(cluster, { scope: scopeOf(file) })
  return siteIn(cluster, installation, await makePlace(cluster, installation))
}

function siteIn(cluster: SharedNode, installation: Installation, place: Place): Site {
  const path = (pod: string) => `/api/v1/namespaces/${place.name}/pods/${pod}`
  const pods = async (deployment: string) => {
    const { body } = await cluster.get<{ items: Pod[] }>(`${path('')}?labelSelector=app%3D${deployment}`)
    return body.items.toSorted((a, b) => age(a).localeCompare(age(b)))
  }
  const pod: Site['pod'] = (deployment, describe = 'is there', accept = () => true) =>
    until(
      `the pod of ${deployment} ${describe}`,
      async () => {
        const [only, ...more] = await pods(deployment)
        assert.deepEqual(more, [])
        return only
      },
      { limitMs: LIMIT_MS, accept: (seen) => seen !== undefined && accept(seen) },
    )
  const output: Site['output'] = ({ metadata: { name } }, container = CONTAINER) =>
    cluster.logs(name, { namespace: place.name, container })
  return {
    cluster,
    installation,
    place,
    pods,
    pod,
    another: async (options) => siteIn(cluster, installation, await makePlace(cluster, installation, options)),
    async waiting(deployment) {
      const found = await pod(deployment, 'runs', (seen) => ours(seen)?.state?.running !== undefined)
      // Before its first look it would give back what it finds: see W9.
      await until(`the wrapper of ${deployment} waits`, () => output(found), {
        limitMs: LIMIT_MS,
        accept: (text) => /waiting for/.test(text),
      })
      return found
    },
    async grant({ metadata: { name } }, text) {
      const change = { metadata: { annotations: { [GRANT]: text } } }
      const { status, body } = await cluster.request('PATCH', `${path(name)}/status`, change, MERGE_PATCH)
      assert.equal(status, 200, JSON.stringify(body))
    },
    output,
    commandOutput: async (pod) => (await output(pod)).replaceAll(/^migrate\.io: .*\n/gm, ''),
  }
}

function age({ metadata }: Pod): string {
  return `${metadata.creationTimestamp} ${metadata.name}`
}

/** The status of the init container, once kubelet has written one. */
export function ours({ status }: Pod): ContainerStatus | undefined {
  return status?.initContainerStatuses?.find(({ name }) => name === CONTAINER)
}

/** How it ended last: as it stands, or before its restart. */
export function endOf(pod: Pod): Terminated | undefined {
  const status = ours(pod)
  return status?.state?.terminated ?? status?.lastState?.terminated
}

export function isReady({ status }: Pod): boolean {
  const conditions = (status as { conditions?: { type: string; status: string }[] } | undefined)?.conditions
  return conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
}
