import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedNode } from '../../support/cluster/shared.ts'
import { makePlaceAlone } from '../../support/installation/place.ts'
import { deployFlask, type FlaskDeployment, overlaps, type Run, runs } from '../../support/node/flask.ts'
import { deployPostgres } from '../../support/node/postgres.ts'
import { timed } from '../../support/node/rollout.ts'

const cluster = await sharedNode()

/** What each `flask db upgrade` takes at least, as in a real deploy that has something to do. */
const UPGRADE_SECONDS = 5

/** The recipe, word for word: the same image in an init container, and a strategy. */
function byHand({ metadata, spec }: FlaskDeployment): void {
  metadata.annotations = {}
  spec.strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }
  const { containers } = spec.template.spec
  const [{ image, env } = assert.fail('there is no container')] = containers
  spec.template.spec.initContainers = [
    { name: 'init-upgrade', image, command: ['/bin/sh', '-c', 'flask db upgrade'], env },
  ]
}

interface Figures {
  readonly rollout: string
  readonly runs: number
  readonly atOnce: number
  readonly failed: number
  readonly seconds: number
}

test("the article's recipe, by hand: more than one run at once, and one for each pod of every rollout", async (t) => {
  const place = await makePlaceAlone(cluster)
  const database = await deployPostgres(cluster, place.name)
  const figures: Figures[] = []
  const messages = new Set<string>()
  let seen = 0
  const measure = async (rollout: string, call: () => Promise<unknown>) => {
    const seconds = await timed(place, 'flask', call)
    const all = await runs(database)
    const mine = all.slice(seen)
    seen = all.length
    const failed = mine.filter(({ error }) => error !== null)
    for (const { error } of failed) messages.add(firstLine(error ?? ''))
    figures.push({ rollout, runs: mine.length, atOnce: mostAtOnce(mine), failed: failed.length, seconds })
    return figures.at(-1) as Figures
  }
  const options = { env: { UPGRADE_SECONDS: `${UPGRADE_SECONDS}`, MIGRATION_SECONDS: '2' }, change: byHand }
  const restart = () => place.kubectl(['rollout', 'restart', 'deployment/flask'])

  const created = await measure('creation, 10 replicas, an empty database', () =>
    deployFlask(cluster, place.name, { ...options, replicas: 10 }),
  )
  const ten = await measure('rollout restart, 10 replicas', restart)
  await timed(place, 'flask', () => place.kubectl(['scale', 'deployment/flask', '--replicas=3']))
  const three = await measure('rollout restart, 3 replicas', restart)

  for (const each of figures)
    t.diagnostic(
      `${each.rollout}: ${each.runs} runs, ${each.atOnce} at once, ${each.failed} failed, ${each.seconds.toFixed(1)} s`,
    )
  for (const message of messages) t.diagnostic(`the database to a run beside others: ${message}`)

  assert.ok(created.runs >= 10, 'each pod of a first deploy migrates')
  assert.ok(created.atOnce >= 3, 'a first deploy has no strategy: all pods start at once')
  assert.ok(created.failed >= 1 && messages.size >= 1, 'Alembic has no lock of its own')
  assert.deepEqual([ten.runs, three.runs], [10, 3], 'each pod of a rollout migrates again')
  assert.ok(ten.atOnce >= 2 && three.atOnce >= 2, 'a surge pod and the one in the place of the unavailable pod')
  assert.ok((await overlaps(database)).length > 0)
})

/** The most runs of which some moment was the same: at the start of one of them. */
function mostAtOnce(all: readonly Run[]): number {
  const during = (at: number, { started_at, ended_at }: Run) =>
    Date.parse(started_at) <= at && (ended_at === null || at < Date.parse(ended_at))
  return Math.max(0, ...all.map((run) => all.filter((other) => during(Date.parse(run.started_at), other)).length))
}

function firstLine(error: string): string {
  return error.split('\n')[0] ?? ''
}
