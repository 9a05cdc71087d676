import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { chmodSync } from 'node:fs'
import { describe } from 'node:test'
import { Pod, REVISION } from '../../../support/wrapper/pod.ts'
import { CONCURRENCY, underEachShell } from '../../../support/wrapper/shells.ts'

const RAN = ['/bin/sh', '-c', '--', 'echo ran >> ran']
const FAILS = ['/bin/sh', '-c', '--', 'echo ran >> ran; exit 3']
const STAYS = ['/bin/sh', '-c', '--', 'echo ran >> ran; while :; do sleep 0.1; done']

/** Root may write everywhere; the user of an image usually may not. */
const AS_NOBODY =
  process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'] : []

const MODES = [
  { mode: 'exec', options: {} },
  { mode: 'with a timeout', options: { timeout: 60 } },
] as const

describe('The wrapper uses a run number once', { concurrency: CONCURRENCY }, () => {
  for (const { mode, options } of MODES) {
    underEachShell(`W1: the same number again is stale: 75, its message, no run; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const first = pod.start({ command: FAILS, ...options })
      assert.equal((await first.end()).code, 3)
      assert.equal(first.termination(), 'run 3')

      for (const _ of [2, 3]) {
        const again = pod.start({ command: FAILS, ...options })
        const { code, afterMs } = await again.end()
        assert.equal(code, 75)
        assert.equal(again.termination(), 'stale 3')
        assert.ok(afterMs >= 1_000, `the limit is 2 s here, it gave up after ${afterMs} ms`)
      }
      assert.equal(pod.written('ran'), 'ran\n')
    })

    underEachShell(`W1: each higher number runs once, on the same state; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell)
      const numbers = [1, 9, 10, 11, 100, 1767225600, 1767225601]
      for (const number of numbers) {
        pod.files.update({ grant: `run ${number}` })
        const container = pod.start({ command: FAILS, ...options })
        assert.equal((await container.end()).code, 3)
        assert.equal(container.termination(), `run ${number}`)
      }
      assert.equal(pod.written('ran'), 'ran\n'.repeat(numbers.length))
    })
  }

  underEachShell('W1: a stale grant that rises before the limit runs', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: FAILS }).end()).code, 3)
    const again = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    await again.assertWaits()
    pod.files.update({ grant: 'run 4' })
    assert.equal((await again.end()).code, 0)
    assert.equal(again.termination(), 'run 4')
    assert.equal(pod.written('ran'), 'ran\nran\n')
  })

  underEachShell('W1: a stale grant that is taken back is waited for without limit', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: FAILS }).end()).code, 3)
    const again = pod.start({ command: RAN, places: { staleSeconds: 1 } })
    await again.untilSlept(1)
    pod.files.update({ grant: 'wait 3' })
    await again.untilSlept(8)
    assert.equal(again.termination(), '')
    pod.files.update({ grant: 'run 4' })
    assert.equal((await again.end()).code, 0)
  })

  for (const [by, files] of Object.entries({
    'a record': { [`completed.${REVISION}`]: '{"pod":"web-1"}' },
    'a grant': { grant: 'skip' },
  }))
    underEachShell(`W1: let through by ${by}, it never runs again, whatever its files then say`, async (t, shell) => {
      const pod = new Pod(t, shell, files)
      assert.equal((await pod.start({ command: FAILS }).end()).code, 0)
      pod.files.update({ grant: 'run 3', [`completed.${REVISION}`]: undefined })
      const again = pod.start({ command: FAILS })
      assert.equal((await again.end()).code, 0)
      assert.equal(again.termination(), '')
      assert.match(again.stderr, /let through before/)
      assert.equal(pod.written('ran'), '')
    })

  underEachShell('W9: a number that is there when nothing is noted is given back at once, unused', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: FAILS }).end()).code, 3)
    pod.loseState()
    pod.boot(2)
    const first = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    assert.equal((await first.end()).code, 75)
    assert.equal(first.termination(), 'stale 3 unknown')
    // From then on it is known as used, without hurry.
    const second = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    await second.assertWaits()
    pod.files.update({ grant: 'run 4' })
    assert.equal((await second.end()).code, 0)
    assert.equal(second.termination(), 'run 4')
    assert.equal(pod.written('ran'), 'ran\nran\n')
  })

  underEachShell(
    'W9: one that comes later is new, and one that is there in the same boot as well',
    async (t, shell) => {
      const pod = new Pod(t, shell)
      pod.loseState()
      const first = pod.start({ command: STAYS })
      await first.untilSlept(2)
      first.signal('SIGKILL')
      await first.end()
      // Granted to a wrapper that was killed just then.
      pod.files.update({ grant: 'run 3' })
      const second = pod.start({ command: FAILS })
      assert.equal((await second.end()).code, 3)
      assert.equal(second.termination(), 'run 3')
    },
  )

  underEachShell('W9: in another boot the notes of the one before count, and no other number', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: FAILS }).end()).code, 3)
    pod.boot(2)
    const first = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    await first.assertWaits()
    first.signal('SIGKILL')
    await first.end()
    pod.boot(3)
    pod.files.update({ grant: 'run 4' })
    const second = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    assert.equal((await second.end()).code, 75)
    assert.equal(second.termination(), 'stale 4 unknown')
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W9: where the boot cannot be told, each start is taken for the first one in it', async (t, shell) => {
    const pod = new Pod(t, shell)
    pod.boot('')
    const first = pod.start({ command: STAYS })
    await first.untilSlept(2)
    first.signal('SIGKILL')
    await first.end()
    pod.files.update({ grant: 'run 3' })
    const second = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    assert.equal((await second.end()).code, 75)
    const third = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    await third.assertWaits()
    pod.files.update({ grant: 'run 4' })
    assert.equal((await third.end()).code, 0)
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W1: the record appears while the grant is stale: skips', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    assert.equal((await pod.start({ command: FAILS }).end()).code, 3)
    const again = pod.start({ command: RAN, places: { staleSeconds: 30 } })
    await again.untilSlept(3)
    pod.files.update({ [`completed.${REVISION}`]: '{"pod":"web-1"}' })
    assert.equal((await again.end()).code, 0)
    assert.equal(again.termination(), '')
    assert.equal(pod.written('ran'), 'ran\n')
  })

  underEachShell('W5: killed with -9 while waiting: no message, and the number is used once', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'wait 2' })
    const waiting = pod.start({ command: RAN })
    await waiting.untilSlept(2)
    waiting.signal('SIGKILL')
    assert.equal((await waiting.end()).signal, 'SIGKILL')
    assert.equal(waiting.termination(), '')

    pod.files.update({ grant: 'run 3' })
    const next = pod.start({ command: RAN })
    assert.equal((await next.end()).code, 0)
    assert.equal(next.termination(), 'run 3')
    assert.equal((await pod.start({ command: RAN }).end()).code, 75)
    assert.equal(pod.written('ran'), 'ran\n')
  })

  for (const { mode, options } of MODES) {
    underEachShell(
      `W5: killed with -9 while running: the message stays, never used again; ${mode}`,
      async (t, shell) => {
        const pod = new Pod(t, shell, { grant: 'run 3' })
        const running = pod.start({ command: STAYS, ...options })
        await pod.untilWritten('ran', 'ran')
        assert.equal(running.termination(), 'run 3', 'before the command, not after')
        running.signal('SIGKILL')
        assert.equal((await running.end()).signal, 'SIGKILL')
        assert.equal(running.termination(), 'run 3')

        const next = pod.start({ command: RAN, ...options })
        assert.equal((await next.end()).code, 75)
        assert.equal(next.termination(), 'stale 3')
        assert.equal(pod.written('ran'), 'ran\n')
      },
    )

    underEachShell(
      `W5: killed with -9 at any moment: never two starts, none without its message; ${mode}`,
      async (t, shell) => {
        // Started at once, so that the moments fall all over claim, message and start also on a busy machine.
        const moments = Array.from({ length: 16 }, (_, i) => i)
        await Promise.all(
          moments.map(async (afterMs) => {
            const pod = new Pod(t, shell, { grant: 'run 3' })
            const first = pod.start({ command: STAYS, ...options })
            setTimeout(() => first.signal('SIGKILL'), afterMs + randomInt(3))
            await first.end()
            const next = pod.start({ command: RAN, places: { staleSeconds: 1 }, ...options })
            const { code } = await next.end()
            assert.ok(code === 0 || code === 75, `exit code ${code}`)
            const starts = pod.written('ran')
            assert.ok(starts === '' || starts === 'ran\n', 'it ran twice')
            if (code === 0) assert.equal(first.termination(), '', 'a message without a claim')
            if (code === 75 && starts !== '') assert.equal(first.termination(), 'run 3', 'a start without its message')
          }),
        )
      },
    )
  }

  for (const { mode, options } of MODES) {
    underEachShell(`W1: a state folder that it can't write: 74, and it does not run; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      chmodSync(pod.state, 0o555)
      const container = pod.start({ command: RAN, prefix: AS_NOBODY, ...options })
      assert.equal((await container.end()).code, 74)
      assert.equal(container.termination(), '')
      assert.ok(container.lines.length > 0, 'it says why')
      chmodSync(pod.state, 0o777)
      chmodSync(pod.folder, 0o777)
      assert.equal((await pod.start({ command: RAN, prefix: AS_NOBODY, ...options }).end()).code, 0, 'it may run later')
    })

    underEachShell(`W1: no state folder: 74, and it does not run; ${mode}`, async (t, shell) => {
      const pod = new Pod(t, shell, { grant: 'run 3' })
      const container = pod.start({ command: RAN, places: { state: pod.path('nowhere') }, ...options })
      assert.equal((await container.end()).code, 74)
      assert.equal(container.termination(), '')
      assert.equal(pod.written('ran'), '')
    })

    for (const [what, message] of [
      ['a full disk', '/dev/full'],
      ['a folder that is not there', '/nowhere/termination-log'],
    ] as const) {
      underEachShell(
        `W1: a message that it can't write (${what}): 74, and it does not run; ${mode}`,
        async (t, shell) => {
          const pod = new Pod(t, shell, { grant: 'run 3' })
          const container = pod.start({ command: RAN, places: { message }, ...options })
          assert.equal((await container.end()).code, 74)
          assert.ok(container.lines.length > 0, 'it says why')
          assert.equal(pod.written('ran'), '')
        },
      )
    }
  }

  underEachShell('W1: a message that it may not write: 74, and it does not run', async (t, shell) => {
    const pod = new Pod(t, shell, { grant: 'run 3' })
    chmodSync(pod.state, 0o777)
    chmodSync(pod.folder, 0o777)
    const locked = pod.path('locked')
    const container = pod.start({
      command: RAN,
      prefix: AS_NOBODY,
      preamble: `: > ${locked}; chmod 444 ${locked}\n`,
      places: { message: locked },
    })
    assert.equal((await container.end()).code, 74)
    assert.equal(pod.written('ran'), '')
  })
})
