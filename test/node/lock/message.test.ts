import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PodTemplate } from '../../../src/injection/deployment.ts'
import { findWrapper, fingerprint, RELEASED } from '../../../src/injection/wrapper.ts'
import { makeEarlierVersion } from '../../support/installation/another-version.ts'
import { failuresOf, holderOf } from '../../support/lock/record-of.ts'
import { sharedStage } from '../../support/lock/stage.ts'
import { openWorkshop, type Workshop } from '../../support/lock/workshop.ts'
import { root } from '../../support/tooling/root.ts'
import { until } from '../../support/until.ts'

const stage = await sharedStage('message')

const DEFAULT_PATH = '/dev/termination-log'
const OWN_PATH = '/dev/migrate.io-message'
const NOT_RECORDED = /^MigrationNotRecorded: .*exit code 0, .*runs the command again/
const LIMIT_MS = 240_000 // a wrapper waits for 60 s before it says that its number was used

/** The Events of the controller on a Deployment, each as `reason: note`. */
async function eventsOf({ site }: Workshop, deployment: string): Promise<readonly string[]> {
  const { stdout } = await site.place.kubectl(['get', 'events.events.k8s.io', '-o', 'json'])
  const { items } = JSON.parse(stdout) as {
    items: readonly { reportingController: string; reason: string; note: string; regarding: { name: string } }[]
  }
  return items
    .filter(({ reportingController, regarding }) => {
      return reportingController === 'migrate.io/controller' && regarding.name === deployment
    })
    .map(({ reason, note }) => `${reason}: ${note}`)
}

function untilTold(workshop: Workshop, deployment: string, what: RegExp): Promise<readonly string[]> {
  return until(`an Event of ${deployment} says ${what}`, () => eventsOf(workshop, deployment), {
    limitMs: LIMIT_MS,
    intervalMs: 500,
    accept: (events) => events.some((event) => what.test(event)),
  })
}

async function messagePaths({ site }: Workshop, deployment: string): Promise<readonly string[]> {
  const pods = await site.pods(deployment)
  return pods.flatMap(({ spec }) =>
    (spec.initContainers ?? []).map((container) => String(Reflect.get(container, 'terminationMessagePath'))),
  )
}

// First and alone: the webhook of this file is another one meanwhile.
test('A5, W7: pods that 0.1.0 injected are served, an update of nothing leaves them, rollout undo runs nothing again', async () => {
  const workshop = await openWorkshop(stage)
  const { site, journal } = workshop
  const { place, installation } = site
  using earlier = makeEarlierVersion()
  await installation.useVersion(earlier.root)
  await workshop.rollOut('app', { replicas: 2 })
  assert.deepEqual(await messagePaths(workshop, 'app'), [DEFAULT_PATH, DEFAULT_PATH])
  assert.equal(journal.starts().length, 1)
  assert.equal((await workshop.untilCompleted('app', 1)).length, 1)
  const { template } = (await place.deployment('app')).spec
  const wrapper = findWrapper(template as PodTemplate & typeof template)
  assert.ok(wrapper && RELEASED.has(fingerprint(wrapper)), 'that is what is in clusters')

  await installation.useVersion(root)
  await place.kubectl(['annotate', 'deployment/app', 'note=x', 'migrate.io/retries=3'])
  await place.kubectl(['scale', 'deployment/app', '--replicas=3'])
  await workshop.rolledOut('app')
  assert.deepEqual((await place.deployment('app')).spec.template, template)
  assert.deepEqual(await messagePaths(workshop, 'app'), [DEFAULT_PATH, DEFAULT_PATH, DEFAULT_PATH])
  assert.equal(journal.starts().length, 1)

  await workshop.rollOut('app', { replicas: 2, revision: 2 })
  assert.equal(journal.starts().length, 2)
  assert.ok((await messagePaths(workshop, 'app')).includes(OWN_PATH))
  await place.kubectl(['rollout', 'undo', 'deployment/app'])
  await workshop.rolledOut('app')
  assert.deepEqual((await place.deployment('app')).spec.template, template)
  assert.equal(journal.starts().length, 2, 'its revision met its record')
  assert.equal((await place.replicaSets('app')).length, 2)
  journal.assertInOrder()
})

describe('whatever the command does to termination messages', { concurrency: true }, () => {
  for (const [what, does] of Object.entries({
    'truncates the default one': `echo failed >${DEFAULT_PATH}; ls -l ${DEFAULT_PATH}`,
    'appends 5 KiB to the default one': `head -c 5120 /dev/zero | tr '\\0' x >>${DEFAULT_PATH}`,
    'removes both, of which its own is mounted': `rm -f ${DEFAULT_PATH} ${OWN_PATH}; test -e ${OWN_PATH}`,
    'writes a little to the end of its own': `printf ' all well' >>${OWN_PATH}`,
    'removes what the wrapper has noted': 'rm -rf /run/migrate.io-state/*',
  }))
    test(`W7: ${what}: one run, recorded, for three replicas`, async () => {
      const workshop = await openWorkshop(stage)
      await workshop.rollOut('app', { replicas: 3, does })
      await untilTold(workshop, 'app', /MigrationSucceeded/)
      assert.equal(workshop.journal.starts().length, 1)
      workshop.journal.assertInOrder()
      assert.doesNotMatch((await eventsOf(workshop, 'app')).join(), /NotRecorded|Failed|Interrupted/)
    })

  const OVERWRITES = {
    truncates: `: >${OWN_PATH}`,
    'redirects its errors': `exec 2>${OWN_PATH}; echo oh no >&2`,
    'appends 5 KiB': `head -c 5120 /dev/zero | tr '\\0' x >>${OWN_PATH}`,
  }
  for (const [what, deed] of Object.entries(OVERWRITES)) {
    test(`W7: ${what} to its own, exit 0: an Event for each run, none beside another, and apps start`, async () => {
      const workshop = await openWorkshop(stage)
      await workshop.rollOut('app', { replicas: 2, does: deed })
      await until('each run is told of', () => eventsOf(workshop, 'app'), {
        limitMs: LIMIT_MS,
        accept: (events) => events.filter((event) => NOT_RECORDED.test(event)).length === 2,
      })
      workshop.journal.assertInOrder()
      assert.equal(workshop.journal.starts().length, 2, 'once in each pod, which no record lets through')
      assert.deepEqual(await workshop.completed('app'), [])
      // A command that leaves it alone is recorded as ever.
      await workshop.rollOut('app', { replicas: 2, revision: 2 })
      assert.equal(workshop.journal.starts().length, 3)
    })

    test(`W7: ${what} to its own, exit 1: it counts, is told, and retries are respected`, async () => {
      const workshop = await openWorkshop(stage)
      await workshop.apply('app', { replicas: 2, settings: { retries: '0' }, does: `${deed}; exit 1` })
      await untilTold(workshop, 'app', /MigrationFailed: .*exit code 1 .*migrate.io\/retries allows no more attempts/)
      await untilTold(workshop, 'app', /MigrationNotRecorded: .*exit code 1, .*It counts as failed/)
      const [failure, ...others] = await failuresOf(workshop, 'app')
      assert.deepEqual([failure?.count, failure?.exit, others], [1, 1, []])
      assert.equal(await holderOf(workshop, 'app'), undefined, 'the lock is free')
      assert.equal(workshop.journal.starts().length, 1)
      await workshop.rollOut('app', { replicas: 2, revision: 2 })
      assert.equal(workshop.journal.starts().length, 2)
      workshop.journal.assertInOrder()
    })
  }

  test('W7: with a timeout its number is there whatever it does, exit 0 and 1', async () => {
    const workshop = await openWorkshop(stage)
    const settings = { timeout: '10m', retries: '0' }
    await workshop.rollOut('app', { replicas: 2, settings, does: OVERWRITES.truncates })
    assert.equal(workshop.journal.starts().length, 1)
    await workshop.apply('app', { replicas: 2, settings, revision: 2, does: `${OVERWRITES.truncates}; exit 1` })
    const told = await untilTold(workshop, 'app', /MigrationFailed: .*exit code 1 /)
    assert.doesNotMatch(told.join(), /NotRecorded/)
    workshop.journal.assertInOrder()
  })
})
