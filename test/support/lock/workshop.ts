import assert from 'node:assert/strict'
import { after } from 'node:test'
import type { Pod } from '../../../src/kube/objects.ts'
import { lockConfigMapName } from '../../../src/names.ts'
import type { Answer } from '../cluster/cluster.ts'
import { timed } from '../node/rollout.ts'
import type { Site } from '../node/site.ts'
import { until } from '../until.ts'
import { type Journal, journalImage, type MigrationOptions, openJournal } from './journal.ts'
import type { SharedStage } from './stage.ts'

const LIMIT_MS = 60_000

export interface LockObject {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string }
  readonly data: Readonly<Record<string, string>>
}

/** A namespace with a journal, for Deployments that need no database. */
export interface Workshop {
  readonly site: Site
  readonly name: string
  readonly journal: Journal
  /** `kubectl apply`; returns at once. */
  apply(deployment: string, options?: MigrationOptions): Promise<void>
  /** Applies, and returns when the rollout is done, with the seconds that it took. */
  rollOut(deployment: string, options?: MigrationOptions): Promise<number>
  /** Returns when the rollout that is under way is done. */
  rolledOut(deployment: string): Promise<number>
  /** The pod that a line of the journal is about, if it is still there. */
  podNamed(name: string): Promise<Pod | undefined>
  /** Lock and record of a Deployment. */
  lock(deployment: string): Promise<Answer<LockObject>>
  /** The revisions that its record has. */
  completed(deployment: string): Promise<string[]>
  /** The same, once there are so many: the app may start before the controller has seen the end of its migration. */
  untilCompleted(deployment: string, count: number): Promise<string[]>
}

/** To be called in a test, whose end takes the namespace away, so that what it deployed does not burden the next one. */
export async function openWorkshop({ cluster, site }: SharedStage): Promise<Workshop> {
  await cluster.loadImage(journalImage)
  const own = await site.another()
  const { place } = own
  after(() => cluster.request('DELETE', `/api/v1/namespaces/${place.name}`))
  const journal = openJournal()
  const apply: Workshop['apply'] = async (deployment, options) => {
    await place.send('apply', journal.deployment(deployment, options))
  }
  const lock: Workshop['lock'] = (deployment) =>
    cluster.get<LockObject>(`/api/v1/namespaces/${place.name}/configmaps/${lockConfigMapName(deployment)}`)
  const completed: Workshop['completed'] = async (deployment) => {
    const { status, body } = await lock(deployment)
    assert.equal(status, 200, JSON.stringify(body))
    return Object.keys(body.data).flatMap((key) => (key.startsWith('completed.') ? [key.slice(10)] : []))
  }
  return {
    site: own,
    name: place.name,
    journal,
    apply,
    rollOut: (deployment, options) => timed(place, deployment, () => apply(deployment, options)),
    rolledOut: (deployment) => timed(place, deployment, async () => {}),
    async podNamed(name) {
      const { status, body } = await cluster.get<Pod>(`/api/v1/namespaces/${place.name}/pods/${name}`)
      return status === 200 ? body : undefined
    },
    lock,
    completed,
    untilCompleted: (deployment, count) =>
      until(`the record of ${deployment} has ${count} revisions`, () => completed(deployment), {
        limitMs: LIMIT_MS,
        accept: ({ length }) => length >= count,
      }),
  }
}
