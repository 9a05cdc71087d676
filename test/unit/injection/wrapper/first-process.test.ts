import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { until } from '../../../support/until.ts'
import { type Container, LIMIT_MS, Pod, STOP_MS } from '../../../support/wrapper/pod.ts'
import { childrenOf, end } from '../../../support/wrapper/processes.ts'
import { CONCURRENCY, underEachShell } from '../../../support/wrapper/shells.ts'

/** A container's PID namespace: the kernel drops every signal to PID 1 that it has no handler for. */
const AS_PID_1 = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  '--pid',
  '--fork',
  '--mount-proc',
  '--kill-child',
]

const line = (text: string): readonly string[] => ['/bin/sh', '-c', '--', text]
const STAYS = 'echo ready >> ready; while :; do sleep 0.05; done'

/** PID 1 of that namespace, by the number that it has outside. */
async function firstProcessOf(container: Container): Promise<number> {
  const [pid] = await until('unshare has a child', () => childrenOf(container.pid), {
    limitMs: LIMIT_MS,
    intervalMs: 10,
    accept: (children) => children.length === 1,
  })
  if (pid === undefined) throw new Error('unshare has no child')
  return pid
}

describe('The wrapper as PID 1', { concurrency: CONCURRENCY }, () => {
  for (const timeout of [undefined, 60]) {
    const mode = timeout === undefined ? 'exec' : 'with a timeout'
    const options = { prefix: AS_PID_1, ...(timeout === undefined ? {} : { timeout }) }

    underEachShell(`W2: PID 1: TERM while waiting ends it with 143; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      const container = pod.start({ command: line('echo ran >> ran'), ...options })
      const pid = await firstProcessOf(container)
      await container.untilSlept(2, pid)
      const sent = performance.now()
      end(pid, 'SIGTERM')
      assert.equal((await container.end()).code, 143)
      assert.ok(performance.now() - sent < STOP_MS)
      assert.equal(container.termination(), '')
      assert.equal(pod.written('ran'), '')
    })

    underEachShell(`W2: PID 1: TERM reaches the command, whose code counts; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      const container = pod.start({ command: line(`trap 'echo TERM $$; exit 9' TERM; ${STAYS}`), ...options })
      const pid = await firstProcessOf(container)
      await container.untilSlept(2, pid)
      pod.files.update({ grant: 'run 3' })
      await pod.untilWritten('ready', 'ready')
      end(pid, 'SIGTERM')
      assert.equal((await container.end()).code, 9)
      if (timeout === undefined) assert.equal(container.output, 'TERM 1\n')
      else assert.match(container.output, /^TERM \d+\n$/)
      assert.equal(container.termination(), 'run 3')
    })

    underEachShell(`W2: PID 1: exit code, output and orphans; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const orphans = '(sh -c "exit 4" &); (sleep 0.2 &); (sleep 0.3 &); sleep 0.6; echo over; exit 6'
      const container = pod.start({ command: line(orphans), ...options })
      assert.equal((await container.end()).code, 6)
      assert.equal(container.output, 'over\n')
      assert.equal(container.termination(), 'run 3')
    })

    underEachShell(`W5: PID 1: killed with -9 while waiting and while running; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      const waiting = pod.start({ command: line(STAYS), ...options })
      const first = await firstProcessOf(waiting)
      await waiting.untilSlept(2, first)
      end(first, 'SIGKILL')
      await waiting.end()
      assert.equal(waiting.termination(), '')

      pod.files.update({ grant: 'run 3' })
      const running = pod.start({ command: line(STAYS), ...options })
      await pod.untilWritten('ready', 'ready')
      end(await firstProcessOf(running), 'SIGKILL')
      await running.end()
      assert.equal(running.termination(), 'run 3')

      const last = pod.start({ command: line(STAYS), ...options })
      assert.equal((await last.end()).code, 75)
      assert.equal(last.termination(), 'stale 3')
      assert.equal(pod.written('ready'), 'ready\n')
    })
  }

  underEachShell('W6: PID 1: a command that dies of TERM from outside: 143', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const command = line('echo ready >> ready; exec sleep 300')
    const container = pod.start({ command, timeout: 60, prefix: AS_PID_1 })
    await pod.untilWritten('ready', 'ready')
    end(await firstProcessOf(container), 'SIGTERM')
    assert.equal((await container.end()).code, 143)
    assert.equal(container.termination(), 'run 3')
  })

  for (const [what, command] of [
    ['dies of TERM', STAYS],
    ['ends with 0 upon TERM', `trap 'exit 0' TERM; ${STAYS}`],
    ['ignores TERM', `trap '' TERM; ${STAYS}`],
    ['leaves a child that ignores TERM', `(trap '' TERM; ${STAYS}) & ${STAYS}`],
    ['has left orphans', `(sleep 300 &); (sh -c 'exit 3' &); ${STAYS}`],
  ] as const) {
    underEachShell(`W6: PID 1: over the limit, ${what}: 124, and it says so`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const container = pod.start({ command: line(command), timeout: 1, prefix: AS_PID_1 })
      const { code, afterMs } = await container.end()
      assert.equal(code, 124)
      assert.equal(container.termination(), 'run 3 timeout')
      assert.ok(afterMs >= 900, `${afterMs} ms`)
      await pod.assertNothingRuns()
    })
  }

  underEachShell('W6: PID 1: children and grandchildren have time to clean up', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    pod.turnClock(0)
    const cleans =
      "trap 'sleep 0.5; echo clean >> clean; exit 0' TERM; echo ready >> ready; while :; do sleep 0.05; done"
    pod.write('cleans', cleans)
    const command = line('sh ./cleans & (sh ./cleans; :) & wait')
    const container = pod.start({ command, timeout: 1, prefix: AS_PID_1, places: { uptime: pod.path('uptime') } })
    await pod.untilWritten('ready', 'ready\nready\n')
    pod.turnClock(10)
    assert.equal((await container.end()).code, 124)
    assert.equal(pod.written('clean'), 'clean\nclean\n', 'the wrapper as PID 1 must not end before they do')
  })
})
