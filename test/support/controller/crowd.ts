import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, type TestContext } from 'node:test'
import { type Cluster, startCluster } from '../cluster/cluster.ts'
import { installedMemory } from '../deploy/heap.ts'
import { MERGE_PATCH } from '../installation/place.ts'
import { type ControllerProcess, startControllerProcess } from '../lock/controller-process.ts'
import { injected } from '../status/injected.ts'
import { until } from '../until.ts'

/** Of the controller's container, as it is installed. */
export const CONTAINER_MIB = installedMemory('controller').limitMib

/** The namespace of the others. */
const QUIET = 'quiet'
const AT_A_TIME = 20
const LIMIT_MS = 240_000

/** Some at a time. */
export async function each(count: number, work: (nth: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, worker))
}

/** Resident memory of a process, now or at most so far. Throws where it has ended. */
export function mib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib) / 1024
}

export function memoryInWords(pid: number): string {
  return `${mib(pid, 'VmRSS').toFixed(0)} MiB resident, ${mib(pid, 'VmHWM').toFixed(0)} MiB at most`
}

export async function send<T = Made>(
  cluster: Pick<Cluster, 'request'>,
  method: string,
  path: string,
  body: object,
): Promise<T> {
  const headers = method === 'PATCH' ? MERGE_PATCH : {}
  const answer = await cluster.request<T>(method, path, body, headers)
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 1_000)}`)
  return answer.body
}

export interface Made {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
}

export async function makeNamespace(cluster: Pick<Cluster, 'request'>, name: string): Promise<void> {
  await send(cluster, 'POST', '/api/v1/namespaces', { metadata: { name } })
}

/** The pods of a Deployment, once all are there. */
export async function podsOf(
  cluster: Pick<Cluster, 'request'>,
  { namespace, name, count }: { namespace: string; name: string; count: number },
): Promise<readonly Made[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${name}`
  const { body } = await until(
    `${name} has ${count} pods`,
    () => cluster.request<{ items: Made[] }>('GET', path, undefined, METADATA_ONLY),
    { limitMs: LIMIT_MS, accept: (seen) => seen.body.items?.length === count },
  )
  return body.items
}

const METADATA_ONLY = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' }

/** What kubelet writes when the wrapper of a pod has started. */
export async function startWrapper(cluster: Pick<Cluster, 'request'>, namespace: string, pod: string): Promise<void> {
  const ours = { name: 'migrate-io', image: 'app:1', imageID: '', ready: false, restartCount: 0 }
  const running = { ...ours, state: { running: { startedAt: new Date().toISOString() } } }
  const status = { phase: 'Pending', initContainerStatuses: [running] }
  await send(cluster, 'PATCH', `/api/v1/namespaces/${namespace}/pods/${pod}/status`, { status })
}

export interface Grant {
  /** From a pod that waits to its grant. */
  readonly ms: number
  /** Of so many reads of that pod, one after the other, just then: what the API server, or the machine, takes by itself. */
  readonly readsMs: number
}

/** A look at a new lock and its grant are some twenty calls. */
const READS = 20

/** How long it takes in a namespace that does nothing unusual. */
export async function timeToGrant(
  cluster: Pick<Cluster, 'request' | 'get'>,
  { namespace, name }: { namespace: string; name: string },
): Promise<Grant> {
  await send(cluster, 'POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, injected(name, { replicas: 1 }))
  const [pod] = await podsOf(cluster, { namespace, name, count: 1 })
  assert.ok(pod)
  const path = `/api/v1/namespaces/${namespace}/pods/${pod.metadata.name}`
  await startWrapper(cluster, namespace, pod.metadata.name)
  const from = performance.now()
  await until(`${name} has its grant`, () => cluster.get<Made>(path), {
    limitMs: LIMIT_MS,
    intervalMs: 10,
    accept: ({ body }) => body.metadata.annotations?.['migrate.io/grant']?.startsWith('run ') === true,
  })
  const granted = performance.now()
  for (let nth = 0; nth < READS; nth++) await cluster.get(path)
  return { ms: granted - from, readsMs: performance.now() - granted }
}

/** One of the controller's figures. */
export async function figure(controller: { metrics(): Promise<string> }, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await controller.metrics())?.[1])
}

/** A cluster with a namespace that has done nothing unusual, and controllers as they are installed. */
export async function startHostileStage() {
  const cluster = await startCluster()
  after(() => cluster.stop())
  await makeNamespace(cluster, QUIET)
  let deployments = 0

  async function start(t: TestContext, namespace = 'default'): Promise<ControllerProcess> {
    const controller = await startControllerProcess({ kubeconfig: cluster.kubeconfig, namespace })
    t.after(() => controller.stop('SIGKILL'))
    return controller
  }

  async function endAll(controllers: Record<string, ControllerProcess>): Promise<void> {
    // How long they take to end is no matter here, and on a busy machine with all that they hold it may be longer than allowed.
    await Promise.all(Object.values(controllers).map((controller) => controller.stop('SIGKILL')))
  }

  /** Deployments of another namespace get their locks; how soon depends on what else the machine does, and is printed. */
  async function servesOthers(t: TestContext, when: string): Promise<void> {
    for (let nth = 0; nth < 3; nth++) {
      const { ms, readsMs } = await timeToGrant(cluster, { namespace: QUIET, name: `quiet-${deployments++}` })
      t.diagnostic(
        `${when}: ${ms.toFixed(0)} ms to the grant of another namespace's pod; as many reads: ${readsMs.toFixed(0)} ms`,
      )
    }
  }

  async function watches(controller: ControllerProcess, pods: number): Promise<void> {
    await until('it knows all pods', () => figure(controller, 'migrate_io_watched_pods'), {
      limitMs: LIMIT_MS,
      accept: (watched) => watched >= pods,
    })
    await isIdle(controller)
  }

  async function isIdle(controller: ControllerProcess): Promise<void> {
    await until('nothing waits to be looked at', () => figure(controller, 'migrate_io_queued_locks'), {
      limitMs: LIMIT_MS,
      accept: (queued) => queued === 0,
    })
  }

  async function staysWithinLimit(t: TestContext, controllers: Record<string, ControllerProcess>): Promise<void> {
    for (const [name, controller] of Object.entries(controllers)) {
      assert.equal(await controller.probe('/healthz'), 200, controller.output())
      t.diagnostic(`${name}: ${memoryInWords(controller.pid)}`)
      assert.ok(mib(controller.pid, 'VmHWM') < CONTAINER_MIB, `${name}: ${memoryInWords(controller.pid)}`)
    }
  }

  return {
    ...{ cluster, start, endAll, servesOthers, watches, isIdle, staysWithinLimit },
    /** How many others were served. */
    deployments: () => deployments,
  }
}
