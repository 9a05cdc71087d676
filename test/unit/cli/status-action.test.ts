import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeCluster, RECORD_LOST, type Stage } from '../../support/cli/fake-cluster.ts'
import { startMigrateIo } from '../../support/cli/run-cli.ts'
import { configMapOf, podOf, replicaSetOf } from '../../support/controller/objects.ts'

const WAITING: Stage = { replicaSets: [replicaSetOf()], pods: [podOf()], configMaps: [configMapOf()] }
const DONE: Stage = {
  replicaSets: [replicaSetOf()],
  configMaps: [configMapOf({ number: 5, entries: { 'completed.a': 'by hand' } })],
}
const WATCH = ['status', 'web', '--watch']

describe('migrate-io status --watch', { concurrency: true }, () => {
  test('ends where the record is lost and all pods run: nothing would happen', async (t) => {
    const { options } = await fakeCluster(t, () => RECORD_LOST)
    const { code, stdout } = await startMigrateIo([...WATCH, ...options], { env: { NO_COLOR: '1' } })
    assert.equal(code, 1)
    assert.match(stdout, /Waiting {3}.*its record is lost/)
  })

  test('bears an API server that is away', async (t) => {
    const { options, server } = await fakeCluster(t, () => {
      const looks = server.requests.filter(({ url }) => url.pathname.endsWith('/deployments')).length
      return looks === 1 ? WAITING : looks === 2 ? 'away' : DONE
    })
    const { code, stdout, stderr } = await startMigrateIo([...WATCH, ...options], { env: { NO_COLOR: '1' } })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /Waiting.*\n.*Migrated/)
    assert.match(stderr, /retrying/)
  })

  test('on a terminal it leaves what stood there alone, and its last text in full', async (t) => {
    const { options } = await fakeCluster(t, () => RECORD_LOST)
    const { code, stdout } = await startMigrateIo([...WATCH, ...options], {
      env: { NO_COLOR: '1', TERM: 'xterm' },
      hasTerminal: true,
    })
    assert.equal(code, 1)
    assert.match(stdout.replaceAll('\r', ''), /^\n+\u001b\[HDEPLOYMENT/)
    assert.match(stdout, /See what is left of the record/)
  })
})
