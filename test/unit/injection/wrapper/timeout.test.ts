import assert from 'node:assert/strict'
import { describe, type TestContext } from 'node:test'
import { until } from '../../../support/until.ts'
import { LIMIT_MS, Pod } from '../../../support/wrapper/pod.ts'
import type { Files } from '../../../support/wrapper/pod-files.ts'
import { childrenOf, commandLine, statusOf, withEnvironment } from '../../../support/wrapper/processes.ts'
import { CONCURRENCY, type Shell, underEachShell } from '../../../support/wrapper/shells.ts'

const line = (text: string): readonly string[] => ['/bin/sh', '-c', '--', text]

/** Each says so in a file when it has set its trap, and when TERM came. */
const ENDS_ON_TERM = "trap 'echo TERM >> got; exit 0' TERM; echo ready >> ready; while :; do sleep 0.05; done"
const IGNORES_TERM = "trap 'echo TERM >> got' TERM; echo ready >> ready; while :; do sleep 0.05; done"
const DEAF_TO_TERM = "trap '' TERM; echo ready >> ready; while :; do sleep 0.05; done"

/** A pod whose clock stands still until the test turns it, so that no limit is reached before. */
function clocked(t: TestContext, shell: Shell, files?: Files) {
  const pod = new Pod(t, shell, files)
  pod.turnClock(0)
  return { pod, places: { uptime: pod.path('uptime') } }
}

describe('The wrapper with a timeout', { concurrency: CONCURRENCY }, () => {
  for (const code of [0, 5, 143]) {
    underEachShell(`W6: ends in time with ${code}: that code, its output, nothing left`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const container = pod.start({ command: line(`echo out; echo err >&2; exit ${code}`), timeout: 3600 })
      const result = await container.end()
      assert.equal(result.code, code)
      assert.equal(container.output, 'out\n')
      assert.ok(container.stderr.endsWith('err\n'), container.stderr)
      assert.equal(container.termination(), 'run 3')
      await pod.assertNothingRuns()
    })
  }

  underEachShell('W6: a command that dies of a signal counts as 128 and the signal', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line('kill -KILL $$'), timeout: 60 })
    assert.equal((await container.end()).code, 137)
    assert.equal(container.termination(), 'run 3')
  })

  underEachShell('W6: the time begins with the run, not with the wait', async (t, shell) => {
    const { pod, places } = clocked(t, shell)
    const container = pod.start({ command: line('sleep 0.2; exit 8'), timeout: 1, places })
    await container.untilSlept(2)
    pod.turnClock(100)
    await container.assertWaits()
    pod.files.update({ grant: 'run 3' })
    assert.equal((await container.end()).code, 8)
    assert.equal(container.termination(), 'run 3')
  })

  underEachShell('W6: a run may take as long as the timeout says', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    const command = line('until [ -e go ]; do sleep 0.05; done; exit 8')
    const container = pod.start({ command, timeout: 4, places })
    await container.untilSlept(3) // the command, and two sleeps: it has looked at the clock
    pod.turnClock(4)
    await container.untilSlept(4)
    pod.write('go', '')
    assert.equal((await container.end()).code, 8)
    assert.equal(container.termination(), 'run 3')
  })

  underEachShell('W6: over the limit: TERM, 124, and it says so', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line('echo begun; exec sleep 300'), timeout: 1 })
    await container.untilMessage('run 3')
    const { code, afterMs } = await container.end()
    assert.equal(code, 124)
    assert.equal(container.termination(), 'run 3 timeout')
    assert.match(container.output, /^begun\n/)
    assert.ok(container.lines.length > 1, 'it says so')
    assert.ok(afterMs >= 900, `${afterMs} ms`)
    await pod.assertNothingRuns()
  })

  underEachShell('W6: one that ends with 0 upon TERM still counts as timeout', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line(ENDS_ON_TERM), timeout: 1, places })
    await pod.untilWritten('ready', 'ready')
    pod.turnClock(10)
    assert.equal((await container.end()).code, 124)
    assert.equal(pod.written('got'), 'TERM\n')
    assert.equal(container.termination(), 'run 3 timeout')
    await pod.assertNothingRuns()
  })

  underEachShell('W6: there is time to clean up between TERM and KILL', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    const cleans = 'echo TERM > got; until [ -e go ]; do sleep 0.05; done; echo clean > clean; exit 0'
    const cleansUp = `trap '${cleans}' TERM; echo ready > ready; while :; do sleep 0.05; done`
    const container = pod.start({ command: line(cleansUp), timeout: 1, places })
    await pod.untilWritten('ready', 'ready')
    pod.turnClock(10)
    await pod.untilWritten('got', 'TERM')
    await container.untilSlept(4)
    pod.write('go', '')
    assert.equal((await container.end()).code, 124)
    assert.equal(pod.written('clean'), 'clean\n')
  })

  for (const [what, command] of [
    ['goes on upon TERM', IGNORES_TERM],
    ['ignores TERM', DEAF_TO_TERM],
  ] as const) {
    underEachShell(`W6: one that ${what} gets KILL`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const container = pod.start({ command: line(command), timeout: 1 })
      const { code, afterMs } = await container.end()
      assert.equal(code, 124)
      assert.ok(afterMs >= 1_900, `${afterMs} ms; 1 s and then 1 s`)
      assert.equal(container.termination(), 'run 3 timeout')
      await pod.assertNothingRuns()
    })
  }

  underEachShell('W6: children and grandchildren get TERM too', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    pod.write('ends', ENDS_ON_TERM)
    const family = `sh ./ends & (sh ./ends; :) & ${ENDS_ON_TERM}`
    const container = pod.start({ command: line(family), timeout: 2, places })
    await pod.untilWritten('ready', 'ready\nready\nready\n')
    pod.turnClock(10)
    assert.equal((await container.end()).code, 124)
    assert.equal(pod.written('got'), 'TERM\nTERM\nTERM\n')
    await pod.assertNothingRuns()
  })

  underEachShell(
    'W6: grandchildren that ignore TERM get KILL, though the command itself ended upon TERM',
    async (t, shell) => {
      const { pod, places } = clocked(t, shell, { grant: 'run 3' })
      pod.write('deaf', DEAF_TO_TERM)
      const family = `(sh ./deaf; :) & ${ENDS_ON_TERM}`
      const container = pod.start({ command: line(family), timeout: 2, places })
      await pod.untilWritten('ready', 'ready\nready\n')
      pod.turnClock(10)
      await pod.untilWritten('got', 'TERM')
      pod.turnClock(20)
      assert.equal((await container.end()).code, 124)
      assert.equal(container.termination(), 'run 3 timeout')
      await pod.assertNothingRuns()
    },
  )

  underEachShell('W6: TERM from outside goes to the command, whose code counts', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const command = line("trap 'echo TERM; exit 7' TERM; echo ready >> ready; while :; do sleep 0.05; done")
    const container = pod.start({ command, timeout: 60 })
    await pod.untilWritten('ready', 'ready')
    container.signal('SIGTERM')
    assert.equal((await container.end()).code, 7)
    assert.equal(container.output, 'TERM\n')
    assert.equal(container.termination(), 'run 3')
    await pod.assertNothingRuns()
  })

  underEachShell('W6: a command that dies of TERM from outside: 143', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line('echo ready >> ready; exec sleep 300'), timeout: 60 })
    await pod.untilWritten('ready', 'ready')
    container.signal('SIGTERM')
    const { code, signal } = await container.end()
    assert.deepEqual({ code, signal }, { code: 143, signal: null })
    assert.equal(container.termination(), 'run 3')
    await pod.assertNothingRuns()
  })

  underEachShell(
    'W6: waits for a command that takes its time after TERM, also when TERM comes again',
    async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const command = line(
        "trap 'echo TERM >> got' TERM; echo ready >> ready; until [ -e go ]; do sleep 0.05; done; echo over; exit 5",
      )
      const container = pod.start({ command, timeout: 60 })
      await pod.untilWritten('ready', 'ready')
      container.signal('SIGTERM')
      await pod.untilWritten('got', 'TERM\n')
      container.signal('SIGTERM')
      await pod.untilWritten('got', 'TERM\nTERM\n')
      assert.equal(container.running, true)
      pod.write('go', '')
      assert.equal((await container.end()).code, 5)
      assert.equal(container.output, 'over\n')
      assert.equal(container.termination(), 'run 3')
      await pod.assertNothingRuns()
    },
  )

  underEachShell('W6: the limit holds after a TERM from outside that the command ignores', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line(IGNORES_TERM), timeout: 2, places })
    await pod.untilWritten('ready', 'ready')
    container.signal('SIGTERM')
    await pod.untilWritten('got', 'TERM\n')
    pod.turnClock(10)
    await pod.untilWritten('got', 'TERM\nTERM\n')
    pod.turnClock(20)
    assert.equal((await container.end()).code, 124)
    assert.equal(container.termination(), 'run 3 timeout')
    await pod.assertNothingRuns()
  })

  underEachShell('W6: TERM that comes while it ends the command does not shorten or save it', async (t, shell) => {
    const { pod, places } = clocked(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line(IGNORES_TERM), timeout: 1, places })
    await pod.untilWritten('ready', 'ready')
    pod.turnClock(10)
    await pod.untilWritten('got', 'TERM\n')
    container.signal('SIGTERM')
    await container.untilSlept(4)
    assert.equal(container.running, true)
    pod.turnClock(20)
    assert.equal((await container.end()).code, 124)
    assert.equal(container.termination(), 'run 3 timeout')
    await pod.assertNothingRuns()
  })

  underEachShell('W6: the command can be ended by TERM and starts with no signal blocked', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: ['/bin/sleep', '300'], timeout: 60 })
    const pid = await until(
      'the command runs',
      () => withEnvironment(pod.mark).find((each) => commandLine(each).startsWith('/bin/sleep 300')),
      { limitMs: LIMIT_MS },
    )
    const TERM = 1n << 14n
    assert.equal(BigInt(`0x${statusOf(pid, 'SigIgn')}`) & TERM, 0n)
    assert.equal(BigInt(`0x${statusOf(pid, 'SigBlk')}`), 0n)
    assert.deepEqual(childrenOf(pid), [])
    container.signal('SIGTERM')
    assert.equal((await container.end()).code, 143)
  })

  underEachShell('W6: a timed out number is used up', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: line('echo ran >> ran; sleep 300'), timeout: 1 }).end()).code, 124)
    const again = pod.start({ command: line('echo ran >> ran'), timeout: 1 })
    assert.equal((await again.end()).code, 75)
    assert.equal(again.termination(), 'stale 3')
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W6: a sleep that refuses fractions', async (t, shell) => {
    const refuses =
      'sleep() { case $1 in *[!0-9]*) echo "sleep: invalid number" >&2; return 1 ;; esac; command sleep "$1"; }\n'
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line(DEAF_TO_TERM), timeout: 1, preamble: refuses })
    assert.equal((await container.end()).code, 124)
    assert.equal(container.termination(), 'run 3 timeout')
    assert.ok(!container.stderr.includes('invalid'), container.stderr)
    await pod.assertNothingRuns()
  })

  underEachShell('W6: killed with -9, the next start does not run the same number', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    const container = pod.start({ command: line('echo ran >> ran; exec sleep 300'), timeout: 60 })
    await pod.untilWritten('ran', 'ran')
    container.signal('SIGKILL')
    await container.end()
    assert.equal(container.termination(), 'run 3')
    assert.equal((await pod.start({ command: line('echo ran >> ran'), timeout: 60 }).end()).code, 75)
    assert.equal(pod.written('ran'), 'ran\n')
  })
})
