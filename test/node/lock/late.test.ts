import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseObject } from '../../../src/lock/record.ts'
import { sharedStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const stage = await sharedStage('late')

/** Each is a Deployment of one pod. Nightly 300, on a node that has other work too. */
const STARTS = Number(process.env['MIGRATE_IO_LATE_STARTS'] ?? 30)
const AT_ONCE = 10
/** As L14 says: a nudge after 5 s, and what kubelet then needs. Missed and not nudged it would be 60 to 90. */
const LATEST_SECONDS = 15
const LIMIT_MS = 60_000

/** Seconds from when the pod was chosen, as recorded, to the wrapper's word that the migration begins, as its log has it. */
async function secondsToStart({ site, lock }: Workshop, deployment: string): Promise<number> {
  const [pod] = await site.pods(deployment)
  const recorded = async () =>
    Object.entries((await lock(deployment)).body.data).find(([key]) => key.startsWith('completed.'))?.[1]
  // The app starts by itself, mostly before the controller has seen the end.
  const entry = await until(`${deployment} is recorded`, recorded, { limitMs: LIMIT_MS })
  const arguments_ = ['logs', pod?.metadata.name ?? '', '-c', 'migrate-io', '--timestamps']
  const { stdout } = await site.place.kubectl(arguments_)
  const line = stdout.split('\n').find((each) => each.includes('starting the migration')) ?? ''
  const [chosen, began] = [String(parseObject(entry)?.['started']), line.split(' ', 1)[0] ?? '']
  const seconds = (Date.parse(began) - Date.parse(chosen)) / 1000
  assert.ok(seconds >= 0, `${deployment}: chosen at ${chosen}, began at ${began}`)
  return seconds
}

test(`L14: of ${STARTS} starts none is late`, async (t) => {
  const workshop = await openWorkshop(stage)
  const { kubectl } = workshop.site.place
  const seconds: number[] = []
  for (let nth = 0; nth < STARTS; nth += AT_ONCE) {
    const names = Array.from({ length: Math.min(AT_ONCE, STARTS - nth) }, (_, i) => `late-${nth + i}`)
    await Promise.all(names.map((name) => workshop.apply(name)))
    for (const name of names) {
      await workshop.rolledOut(name)
      seconds.push(await secondsToStart(workshop, name))
    }
    await kubectl(['delete', 'deployment', ...names, '--cascade=foreground'])
  }
  const sorted = seconds.toSorted((a, b) => a - b)
  const [median, last] = [sorted[sorted.length >> 1], sorted.at(-1) ?? Number.NaN]
  t.diagnostic(`${sorted.length} starts; seconds until the migration began: median ${median}, last ${last}`)
  assert.equal(sorted.length, STARTS)
  assert.ok(last <= LATEST_SECONDS, `the last: ${sorted.slice(-5).join(', ')}`)
  assert.equal(workshop.journal.starts().length, STARTS, 'each once')
})
