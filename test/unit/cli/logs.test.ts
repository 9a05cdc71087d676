import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fakeCluster, RECORD_LOST, type Stage } from '../../support/cli/fake-cluster.ts'
import { startMigrateIo } from '../../support/cli/run-cli.ts'
import { configMapOf, ended, holderOf, podOf, replicaSetOf } from '../../support/controller/objects.ts'
import { refuse } from '../../support/kube/fake-api-server.ts'

const REPLICA_SETS = [replicaSetOf()]
const COMPLETED = { pod: 'web-a-1', image: 'app:1', started: '2026-01-01T11:59:10Z', seconds: 6, number: 5 }
const MIGRATED = configMapOf({ number: 5, entries: { 'completed.a': JSON.stringify(COMPLETED) } })
const runner = podOf({ grant: 'run 5' })
const RUNNING: Stage = {
  replicaSets: REPLICA_SETS,
  pods: [runner],
  configMaps: [configMapOf({ number: 5, holder: holderOf(runner, 5) })],
}
const DONE: Stage = { replicaSets: REPLICA_SETS, pods: [], configMaps: [MIGRATED] }
const AT = '2026-01-01T12:00:0'
const ENV = { env: { NO_COLOR: '1' } }

/** Whatever is asked of it: the lines from a time on, with their times where they are wanted. */
function written(url: URL, lines: readonly (readonly [second: number, text: string])[]): string {
  const since = url.searchParams.get('sinceTime')
  return lines
    .filter(([second]) => since === null || `${AT}${second}Z` >= since)
    .map(([second, text]) => (url.searchParams.get('timestamps') === 'true' ? `${AT}${second}Z ${text}` : text))
    .join('')
}

/** Whatever time the program takes to start. */
function sinceFirstLook(): () => number {
  let from: number | undefined
  return () => {
    from ??= performance.now()
    return performance.now() - from
  }
}

describe('migrate-io logs -f', () => {
  test('goes on with a run whose stream ended early, and no line is lost or doubled', async (t) => {
    let stage: Stage = RUNNING
    let asked = 0
    const { options } = await fakeCluster(
      t,
      () => stage,
      (response, { url }) => {
        asked++
        const text = written(url, [
          [1, 'one\n'],
          [2, 'two\n'],
          ...(asked === 1 ? [] : ([[3, 'three\n']] as const)),
          ...(asked < 3 ? [] : ([[4, 'four']] as const)),
        ])
        if (asked === 2) stage = DONE
        response.writeHead(200, { 'content-type': 'text/plain' })
        response.end(text)
      },
    )
    const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.deepEqual([code, stdout], [0, 'one\ntwo\nthree\nfour'], stderr)
    assert.equal(stderr.match(/==>/g)?.length, 1)
  })

  test('bears an API server that is away, also in the middle of the stream', async (t) => {
    let stage: Stage | 'away' = RUNNING
    let looks = 0
    const { options } = await fakeCluster(
      t,
      () => {
        if (stage === 'away' && ++looks > 2) stage = DONE
        return stage
      },
      (response, { url }) => {
        response.writeHead(200, { 'content-type': 'text/plain' })
        if (stage === DONE) {
          response.end(
            written(url, [
              [1, 'one\n'],
              [2, 'two\n'],
            ]),
          )
          return
        }
        response.write(written(url, [[1, 'one\n']]), () => {
          stage = 'away'
          response.destroy()
        })
      },
    )
    const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.deepEqual([code, stdout], [0, 'one\ntwo\n'], stderr)
    assert.match(stderr, /retrying/)
  })

  test('does not ask without a pause where there is no log yet', async (t) => {
    const elapsedMs = sinceFirstLook()
    let asked = 0
    const { options } = await fakeCluster(
      t,
      () => (elapsedMs() < 4_000 ? RUNNING : DONE),
      (response) => {
        asked++
        response.writeHead(400, { 'content-type': 'application/json' })
        response.end('{"kind":"Status","code":400,"message":"container is waiting to start"}')
      },
    )
    const { code } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.equal(code, 0)
    assert.ok(asked > 0 && asked <= 6, `asked ${asked} times in some 4 s`)
  })

  test('follows a run that had not begun at first sight', async (t) => {
    const waits = podOf({
      grant: 'run 5',
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: ended(1, 'run 4'),
    })
    let looks = 0
    const { options } = await fakeCluster(
      t,
      () => (looks === 0 ? { ...RUNNING, pods: [waits] } : looks === 1 ? RUNNING : DONE),
      (response, { url }) => {
        looks++
        response.writeHead(200, { 'content-type': 'text/plain' })
        response.end(written(url, looks === 1 ? [[1, 'of run 4\n']] : [[2, 'of run 5\n']]))
      },
    )
    const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.deepEqual([code, stdout], [0, 'of run 4\nof run 5\n'], stderr)
    assert.match(stderr, /run 4 in pod web-a-1.*run 5 in pod web-a-1/s)
  })

  test('says once for what it waits, however long it takes', async (t) => {
    const elapsedMs = sinceFirstLook()
    const failed = {
      'failed.a': JSON.stringify({ count: 1, exit: 3, next: new Date(Date.now() + 60_000).toISOString() }),
    }
    const waiting: Stage = { replicaSets: REPLICA_SETS, pods: [], configMaps: [configMapOf({ entries: failed })] }
    const { options } = await fakeCluster(t, () => (elapsedMs() < 5_000 ? waiting : DONE))
    const { code, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.equal(code, 0, stderr)
    assert.equal(stderr.match(/^Failed: /gm)?.length, 1, stderr)
  })

  test('ends where the present revision is recorded, though another one’s run has the lock', async (t) => {
    const undone = podOf({ name: 'web-b-1', revision: 'b', grant: 'run 5' })
    const { options } = await fakeCluster(
      t,
      () => ({
        replicaSets: [replicaSetOf('a', '3'), replicaSetOf('b', '2')],
        rollout: '3',
        pods: [undone],
        configMaps: [
          configMapOf({
            number: 5,
            holder: holderOf(undone, 5),
            entries: { 'completed.a': JSON.stringify({ ...COMPLETED, number: 3 }) },
          }),
        ],
      }),
      (response, { url }) => {
        const isOwn = url.pathname.includes('web-a-1')
        if (!isOwn) return response.writeHead(200, { 'content-type': 'text/plain' }).write('of the undone one\n')
        return response.writeHead(200, { 'content-type': 'text/plain' }).end(written(url, [[1, 'its own\n']]))
      },
    )
    const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.deepEqual([code, stdout], [0, 'its own\n'])
    assert.match(stderr, /revision a: run 3 in pod web-a-1/)
  })

  test('ends where the node that has the log of a run that is over does not answer', async (t) => {
    const { options } = await fakeCluster(
      t,
      () => DONE,
      (response) => refuse(response, 500, { message: 'dial tcp 10.0.0.7:10250: no route to host' }),
    )
    const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.deepEqual([code, stdout], [0, ''])
    assert.equal(stderr.match(/no route to host/g)?.length, 1, stderr)
  })

  test('ends where the record is lost and all pods run', async (t) => {
    const { options } = await fakeCluster(t, () => RECORD_LOST)
    const { code, stderr } = await startMigrateIo(['logs', 'web', '-f', ...options], ENV)
    assert.equal(code, 1)
    assert.match(stderr, /its record is lost/)
  })
})

test('migrate-io logs names the revision whose run it is', async (t) => {
  const older = podOf({ name: 'web-z-1', revision: 'z', grant: 'run 5' })
  const { options } = await fakeCluster(
    t,
    () => ({
      replicaSets: [replicaSetOf('a', '1'), replicaSetOf('z', '0')],
      pods: [older, podOf()],
      configMaps: [configMapOf({ number: 5, holder: holderOf(older, 5) })],
    }),
    (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('old\n'),
  )
  const { code, stdout, stderr } = await startMigrateIo(['logs', 'web', ...options], ENV)
  assert.deepEqual([code, stdout], [0, 'old\n'])
  assert.match(stderr, /revision z \(the present one is a\): run 5 in pod web-z-1/)
})
