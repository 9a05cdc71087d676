import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { State, StatusReason } from '../../../src/status/findings.ts'
import { app, type Manifest } from '../../support/installation/deployment.ts'
import { openFlaggedWorkshop } from '../../support/lock/flagged.ts'
import { waitsFor } from '../../support/lock/flags.ts'
import { makeStage } from '../../support/lock/stage.ts'
import { runCli, type Sight, startCli, untilStatus as untilStatusOf } from '../../support/lock/status-of.ts'
import type { Workshop } from '../../support/lock/workshop.ts'
import { until } from '../../support/until.ts'

const stage = await makeStage('status')
const { cluster } = stage
// As installed: its Lease is where status looks for it.
await cluster.request('POST', '/api/v1/namespaces', { metadata: { name: 'migrate-io' } })
await stage.startController({ namespace: 'migrate-io' })

const LIMIT_MS = 120_000

function sightOf({ name }: Workshop): Sight {
  return { kubeconfig: cluster.kubeconfig, namespace: name }
}

function cli(workshop: Workshop, ...args: string[]) {
  return runCli(sightOf(workshop), ...args)
}

function untilStatus(workshop: Workshop, deployment: string, state: State, reason: StatusReason) {
  return untilStatusOf(sightOf(workshop), deployment, { state, reason })
}

/** Started, and what it has written so far. */
function follow(workshop: Workshop, deployment: string) {
  const { child, ended } = startCli(sightOf(workshop), 'logs', deployment, '-f')
  let stdout = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  return { ended, text: () => stdout }
}

describe('status, logs, rerun and unlock on a real node', { concurrency: true }, () => {
  test('running, then another waits for its lock, then both are migrated; logs follows it', async () => {
    const { workshop, flags, options } = await openFlaggedWorkshop(stage)
    const settings = { lock: 'db' }
    await workshop.apply('first', options({ settings, does: `echo it begins; ${waitsFor('go')}; echo it ends` }))
    await workshop.journal.untilRun(1)
    const running = await untilStatus(workshop, 'first', 'Running', 'running')
    assert.equal(running.runner?.node, 'node-1')
    assert.equal(running.attempt, 1)
    const log = follow(workshop, 'first')
    await until('its output is there', () => log.text().includes('it begins'), { limitMs: LIMIT_MS })
    await workshop.apply('second', options({ settings }))
    const waiting = await untilStatus(workshop, 'second', 'Waiting', 'lock-busy')
    assert.deepEqual([waiting.lock.heldBy?.deployment, waiting.lock.queue], ['first', ['second']])
    assert.deepEqual(waiting.notes, [])
    flags.raise('go')
    const done = await untilStatus(workshop, 'first', 'Migrated', 'migrated')
    assert.equal(done.migrated?.pod, running.runner?.pod)
    await untilStatus(workshop, 'second', 'Migrated', 'migrated')
    assert.equal(await log.ended, 0)
    assert.match(log.text(), /it begins\nit ends\n/)
    const { stdout, stderr } = await cli(workshop, 'logs', 'first')
    assert.match(stdout, /it begins\nit ends\n/)
    // A number may have been given back before the one that was used.
    assert.match(stderr, new RegExp(`run \\d+ in pod ${running.runner?.pod}`))
  })

  test('failing, given up, with its output at hand; rerun tries once more', async () => {
    const { workshop, options } = await openFlaggedWorkshop(stage)
    await workshop.apply('fails', options({ settings: { retries: '1' }, does: 'echo no such table; exit 3' }))
    const failed = await untilStatus(workshop, 'fails', 'Failed', 'failed')
    assert.match(failed.why, /exit code 3: attempt 1 of 2/)
    assert.deepEqual([failed.lastFailure?.exitCode, failed.maxAttempts], [3, 2])
    // While kubelet starts the container again, what was its present output becomes its previous one.
    await until('its output is at hand', () => cli(workshop, 'logs', 'fails'), {
      limitMs: LIMIT_MS,
      accept: ({ stdout, code }) => code === 0 && stdout.includes('no such table'),
    })
    await untilStatus(workshop, 'fails', 'Failed', 'gave-up')
    const before = workshop.journal.starts().length
    assert.equal(before, 2)
    assert.equal((await cli(workshop, 'rerun', 'fails', '--yes')).code, 0)
    await workshop.journal.untilRun(3, LIMIT_MS)
    workshop.journal.assertInOrder()
  })

  test('an image that is not there', async () => {
    const { workshop, options } = await openFlaggedWorkshop(stage)
    const missing = (manifest: Manifest) => {
      app(manifest).image = 'migrate.io/not-there:test'
    }
    await workshop.apply('missing', options({ change: missing }))
    const pull = await untilStatus(workshop, 'missing', 'Waiting', 'image-pull')
    assert.match(pull.why, /image migrate\.io\/not-there:test of container migrate-io/)
  })

  test('unlock ends a run on a ready node, and it runs again', async () => {
    const { workshop, flags, options } = await openFlaggedWorkshop(stage)
    await workshop.apply('web', options({ does: waitsFor('go') }))
    await workshop.journal.untilRun(1)
    await untilStatus(workshop, 'web', 'Running', 'running')
    const { code, stdout, stderr } = await cli(workshop, 'unlock', 'web', '--yes')
    assert.equal(code, 0, stderr)
    assert.match(stderr, /on node node-1, which is ready\. Its node last reported that container migrate-io is running/)
    assert.match(stdout, /no longer holds the lock of web/)
    flags.raise('go')
    await workshop.rolledOut('web')
    assert.equal(workshop.journal.starts().length, 2)
    workshop.journal.assertInOrder()
  })
})
