import assert from 'node:assert/strict'
import type { Pod } from '../../../../src/kube/objects.ts'
import { busyboxImage } from '../../../support/cluster/images/images.ts'
import type { Manifest } from '../../../support/installation/deployment.ts'
import type { Place } from '../../../support/installation/place.ts'
import { type AppOptions, app } from '../../../support/node/app.ts'
import { timed } from '../../../support/node/rollout.ts'
import { endOf, isReady } from '../../../support/node/site.ts'
import { until } from '../../../support/until.ts'
import { DEPLOYMENTS, NAMESPACE, type Site } from '../site.ts'

const LIMIT_MS = 120_000

/** Deployments of an app with nothing to migrate, in a namespace that opted in. */
export interface Apps {
  readonly place: Place
  /** The manifest of one without our annotations. */
  bare(name: string): Manifest
  /** `kubectl apply`, of two replicas; whatever becomes of it. */
  apply(name: string, options?: Partial<AppOptions>): Promise<void>
  /** The same, and its rollout. */
  rollOut(name: string, options?: Partial<AppOptions>): Promise<void>
  pods(name: string): Promise<Pod[]>
  /** Returns when exactly so many pods are there and ready, with them. */
  settled(name: string, replicas: number): Promise<Pod[]>
  /** The number of its last run, and the revisions whose success is recorded. */
  record(name: string): Promise<{ readonly number: string; readonly completed: readonly string[] }>
}

export async function openApps(site: Site): Promise<Apps> {
  const { cluster } = site
  const place = await site.place()
  const image = await busyboxImage()
  await cluster.loadImage(image.file)
  const manifest = (name: string, options: Partial<AppOptions> = {}) => {
    const { spec, ...one } = app(name, { image: image.name, command: 'echo migrated', ...options })
    return { ...one, spec: { ...spec, replicas: 2 } }
  }
  const apply: Apps['apply'] = async (name, options) => {
    await place.send('apply', manifest(name, options))
  }
  const pods: Apps['pods'] = async (name) => {
    const { body } = await cluster.get<{ items: Pod[] }>(
      `/api/v1/namespaces/${place.name}/pods?labelSelector=app%3D${name}`,
    )
    return body.items
  }
  return {
    place,
    apply,
    bare(name) {
      const { metadata, ...rest } = manifest(name)
      return { ...rest, metadata: { name, labels: metadata.labels } }
    },
    pods,
    async rollOut(name, options) {
      await timed(place, name, () => apply(name, options))
    },
    settled: (name, replicas) =>
      until(`${name} has ${replicas} pods`, () => pods(name), {
        limitMs: LIMIT_MS,
        accept: (all) => all.length === replicas && all.every(isReady),
      }),
    async record(name) {
      const path = `/api/v1/namespaces/${place.name}/configmaps/deployment.${name}.migrate-io`
      const { status, body } = await cluster.get<{ data: Record<string, string> }>(path)
      assert.equal(status, 200, `${name} has a record`)
      const completed = Object.keys(body.data).filter((key) => key.startsWith('completed.'))
      return { number: body.data['number'] ?? '', completed }
    },
  }
}

/**
 * L2: scale-up and a deleted pod bring pods of a recorded revision, which start without a run. The Deployment has two pods when
 * this is called and when it returns.
 */
export async function assertStartsAtOnce({ place, settled, record }: Apps, name: string): Promise<void> {
  const before = await settled(name, 2)
  const recorded = await record(name)
  await place.kubectl(['scale', `deployment/${name}`, '--replicas=3'])
  await settled(name, 3)
  const [deleted] = before
  await place.kubectl(['delete', 'pod', deleted?.metadata.name ?? ''])
  const known = new Set(before.map(({ metadata }) => metadata.uid))
  const added = (await settled(name, 3)).filter(({ metadata }) => !known.has(metadata.uid))
  assert.equal(added.length, 2)
  for (const pod of added) assert.deepEqual([endOf(pod)?.exitCode, endOf(pod)?.message], [0, undefined], 'no run')
  assert.deepEqual(await record(name), recorded)
  await place.kubectl(['scale', `deployment/${name}`, '--replicas=2'])
  await settled(name, 2)
}

/** All of our pods go, or come back and are ready. */
export async function scaleOurs(site: Site, replicas: number): Promise<void> {
  const ours = (...args: string[]) => site.cluster.kubectl([`--namespace=${NAMESPACE}`, ...args])
  const names = DEPLOYMENTS.map((each) => `deployment/${each}`)
  await ours('scale', ...names, `--replicas=${replicas}`)
  for (const name of names) await ours('rollout', 'status', name, `--timeout=${LIMIT_MS / 1000}s`)
  await until('those that end are gone', () => ours('get', 'pods', '-o', 'name'), {
    limitMs: LIMIT_MS,
    accept: ({ stdout }) => stdout.split('\n').filter(Boolean).length === replicas * names.length,
  })
}
